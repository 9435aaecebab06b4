package agent

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// GetFeature returns one feature.
func (s *server) GetFeature(ctx context.Context, req *musterv1.GetFeatureRequest) (*musterv1.Feature, error) {
	key, err := wire.FeatureKey(req.GetName())
	if err != nil {
		return nil, err
	}
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	f, ok := s.view.Feature(key)
	if !ok {
		return nil, unknownFeature(key)
	}
	return wire.FeatureProto(f), nil
}

// ListFeatures returns a page of all features.
func (s *server) ListFeatures(ctx context.Context, req *musterv1.ListFeaturesRequest) (*musterv1.ListFeaturesResponse, error) {
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	features, next, err := page(s.view.Features(), req, func(f muster.Feature) string { return f.Status.Feature })
	if err != nil {
		return nil, err
	}
	answer := &musterv1.ListFeaturesResponse{NextPageToken: next}
	for _, f := range features {
		answer.Features = append(answer.Features, wire.FeatureProto(f))
	}
	return answer, nil
}

// ApplyFeature makes a spec the one that is wanted.
func (s *server) ApplyFeature(ctx context.Context, req *musterv1.ApplyFeatureRequest) (*musterv1.Feature, error) {
	key, err := wire.FeatureKey(req.GetFeature().GetName())
	if err != nil {
		return nil, err
	}
	if req.GetFeature().GetSpec() == nil {
		return nil, &muster.InvalidError{Field: "feature.spec", Problem: "is missing"}
	}
	spec, err := wire.Spec(key, req.GetFeature().GetSpec())
	if err != nil {
		return nil, err
	}
	spec.Revision = 0 // the registry gives it
	spec = spec.WithDefaults()
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	cmd := plan.Command{Action: muster.ActionApply, Spec: &spec}
	if req.GetValidateOnly() {
		cmd.Others = s.others(key, req.GetAssumed())
		return s.wouldApply(ctx, key, cmd, req)
	}
	return s.command(ctx, key, cmd, req)
}

// others returns what a dry run is judged by: all other features as this agent
// sees them, and those that are going to be applied before.
func (s *server) others(key string, assumed []string) map[string]plan.Neighbour {
	others := make(map[string]plan.Neighbour)
	for _, other := range assumed {
		others[other] = plan.Neighbour{Status: muster.Status{Feature: other}}
	}
	for _, f := range s.view.Features() {
		others[f.Status.Feature] = plan.Neighbour{Status: f.Status, Spec: &f.Spec, Next: f.Pending}
	}
	delete(others, key)
	return others
}

// wouldApply returns what a feature would be, and writes nothing.
func (s *server) wouldApply(ctx context.Context, key string, cmd plan.Command, req request) (*musterv1.Feature, error) {
	if err := s.readable(ctx); err != nil { // for what other features ask
		return nil, err
	}
	if err := describe(ctx, &cmd, key, req); err != nil {
		return nil, err
	}
	var old *muster.Status
	f, known := s.view.Feature(key)
	if known {
		old, cmd.Newest = &f.Status, newest(f)
	}
	next, _, changed, err := plan.Apply(old, cmd)
	if err != nil || !changed {
		return wire.FeatureProto(f), err
	}
	cmd.Spec.Revision = next.DesiredSpec
	f.Status = next
	if f.Spec.Revision == 0 || next.Spec == 0 {
		f.Spec, f.Pending = *cmd.Spec, nil
	} else {
		f.Pending = cmd.Spec
	}
	return wire.FeatureProto(f), nil
}

// newest returns the spec that was applied last.
func newest(f muster.Feature) *muster.Spec {
	if f.Pending != nil {
		return f.Pending
	}
	return &f.Spec
}

// DeleteFeature removes a feature that is off.
func (s *server) DeleteFeature(ctx context.Context, req *musterv1.DeleteFeatureRequest) (*musterv1.Feature, error) {
	return s.want(ctx, muster.ActionDelete, req)
}

// ActivateFeature wants a feature on.
func (s *server) ActivateFeature(ctx context.Context, req *musterv1.ActivateFeatureRequest) (*musterv1.Feature, error) {
	return s.want(ctx, muster.ActionActivate, req)
}

// DeactivateFeature wants a feature off.
func (s *server) DeactivateFeature(ctx context.Context, req *musterv1.DeactivateFeatureRequest) (*musterv1.Feature, error) {
	return s.want(ctx, muster.ActionDeactivate, req)
}

// KillFeature wants a feature off in an emergency.
func (s *server) KillFeature(ctx context.Context, req *musterv1.KillFeatureRequest) (*musterv1.Feature, error) {
	return s.want(ctx, muster.ActionKill, req)
}

// A request is what all commands carry.
type request interface {
	GetReason() string
	GetRequestId() string
}

func (s *server) want(ctx context.Context, action muster.Action, req interface {
	request
	GetName() string
},
) (*musterv1.Feature, error) {
	key, err := wire.FeatureKey(req.GetName())
	if err != nil {
		return nil, err
	}
	return s.command(ctx, key, plan.Command{Action: action}, req)
}

// describe says of a command who gives it, why, and by which id it is known.
func describe(ctx context.Context, cmd *plan.Command, key string, req request) error {
	if err := checkRequest(req.GetRequestId()); err != nil {
		return err
	}
	cmd.Feature, cmd.Operation, cmd.Now = key, operation(), time.Now().UTC()
	cmd.By, cmd.Why = callOf(ctx).principal.name, req.GetReason()
	if cmd.Request = req.GetRequestId(); cmd.Request == "" {
		cmd.Request = cmd.Operation
	}
	return nil
}

// checkRequest keeps ids short: the registry remembers them.
func checkRequest(id string) error {
	const longest = 100
	if len(id) > longest {
		return &muster.InvalidError{Field: "request_id", Value: id, Problem: fmt.Sprintf("is longer than %d bytes", longest)}
	}
	return nil
}

// command carries a command out, and returns the feature as it is then.
func (s *server) command(ctx context.Context, key string, cmd plan.Command, req request) (*musterv1.Feature, error) {
	if err := describe(ctx, &cmd, key, req); err != nil {
		return nil, err
	}
	st, node, err := s.registry()
	if err != nil {
		return nil, err
	}
	status, _, err := st.Command(ctx, node, key, cmd)
	if err != nil {
		return nil, err
	}
	return wire.FeatureProto(s.after(ctx, status, cmd)), nil
}

// registry returns the store to write to, and the agent's node.
func (s *server) registry() (*store.Store, string, error) {
	st, node, err := s.commands()
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", wire.ErrUnavailable, err)
	}
	return st, node, nil
}

// after returns the feature after a command. It waits a moment for the view to
// catch up, so that whoever commands and then asks sees what they did.
func (s *server) after(ctx context.Context, status muster.Status, cmd plan.Command) muster.Feature {
	ctx, cancel := context.WithTimeout(ctx, lag)
	defer cancel()
	for {
		changed := s.view.Changed()
		f, ok := s.view.Feature(cmd.Feature)
		switch {
		case ok && (f.Status.Operation == status.Operation || f.Status.HasRequest(cmd.Request)):
			return f
		case !ok && cmd.Action == muster.ActionDelete: // it is gone already
			return muster.Feature{Status: status}
		}
		if wait(ctx, changed, lag) != nil {
			f.Status = status
			if !ok && cmd.Spec != nil {
				f.Spec = *cmd.Spec
				f.Spec.Revision = status.DesiredSpec
			}
			return f
		}
	}
}

// WatchFeature sends the feature at once and after changes.
func (s *server) WatchFeature(req *musterv1.WatchFeatureRequest, stream grpc.ServerStreamingServer[musterv1.WatchFeatureResponse]) error {
	key, err := wire.FeatureKey(req.GetName())
	if err != nil {
		return err
	}
	ctx := stream.Context()
	var last *musterv1.Feature
	for {
		changed := s.view.Changed()
		// A view that is cut off shows what was: the watch goes on elsewhere.
		if err := s.readable(ctx); err != nil {
			return err
		}
		f, ok := s.view.Feature(key)
		if !ok {
			return unknownFeature(key)
		}
		if now := wire.FeatureProto(f); !proto.Equal(now, last) {
			if err := stream.Send(&musterv1.WatchFeatureResponse{Feature: now}); err != nil {
				return err
			}
			last = now
		}
		if err := s.pause(ctx, changed); err != nil {
			return err
		}
	}
}

// pause waits until a watch shall look again.
func (s *server) pause(ctx context.Context, changed <-chan struct{}) error {
	if err := sleep(ctx, watchRest); err != nil {
		return err
	}
	look := time.NewTimer(watchPoll)
	defer look.Stop()
	select {
	case <-changed:
	case <-look.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopping:
		return errStopping
	}
	return nil
}

func unknownFeature(key string) error {
	return fmt.Errorf("feature %s: %w (see: muster feature list)", key, muster.ErrNotFound)
}

// ListRecords returns a page of the history.
func (s *server) ListRecords(ctx context.Context, req *musterv1.ListRecordsRequest) (*musterv1.ListRecordsResponse, error) {
	limit, before, err := pageOf(req)
	if err != nil {
		return nil, err
	}
	q := store.HistoryQuery{Limit: limit, Before: before}
	if req.GetFeature() != "" {
		if q.Feature, err = wire.FeatureKey(req.GetFeature()); err != nil {
			return nil, err
		}
	}
	if req.GetService() != "" {
		if q.Service, err = wire.ServiceKey(req.GetService()); err != nil {
			return nil, err
		}
	}
	if t := req.GetStartTime(); t != nil {
		q.Since = t.AsTime()
	}
	if t := req.GetEndTime(); t != nil {
		q.Until = t.AsTime()
	}
	st, _, err := s.registry()
	if err != nil {
		return nil, err
	}
	records, err := st.History(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := new(musterv1.ListRecordsResponse)
	for _, rec := range records {
		answer.Records = append(answer.Records, wire.RecordProto(rec))
	}
	if len(records) == limit {
		answer.NextPageToken = pageToken(records[limit-1].ID)
	}
	return answer, nil
}
