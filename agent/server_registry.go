package agent

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

const (
	defaultPage = 100
	maxPage     = 1000
	fullPage    = 2 << 20 // bytes at which a page of services in full view ends
)

// ListServices returns a page of all services.
func (s *server) ListServices(ctx context.Context, req *musterv1.ListServicesRequest) (*musterv1.ListServicesResponse, error) {
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	services, next, err := page(s.view.Services(), req, serviceName)
	if err != nil {
		return nil, err
	}
	full := req.GetView() == musterv1.ServiceView_SERVICE_VIEW_FULL
	answer, size := &musterv1.ListServicesResponse{NextPageToken: next}, 0
	for i, svc := range services {
		m := wire.ServiceProto(svc, full)
		if size += proto.Size(m); size > fullPage && i > 0 {
			answer.NextPageToken = pageToken(serviceName(services[i-1]))
			break
		}
		answer.Services = append(answer.Services, m)
	}
	return answer, nil
}

func serviceName(s muster.Service) string { return s.Sheet.Service }

// GetService returns one service.
func (s *server) GetService(ctx context.Context, req *musterv1.GetServiceRequest) (*musterv1.Service, error) {
	svc, err := s.service(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return wire.ServiceProto(svc, req.GetView() != musterv1.ServiceView_SERVICE_VIEW_BASIC), nil
}

// service returns the service that a resource name names.
func (s *server) service(ctx context.Context, name string) (muster.Service, error) {
	key, err := wire.ServiceKey(name)
	if err != nil {
		return muster.Service{}, err
	}
	if err := s.readable(ctx); err != nil {
		return muster.Service{}, err
	}
	svc, ok := s.view.Service(key)
	if !ok {
		return muster.Service{}, fmt.Errorf("service %s: %w: no instance has registered it (see: muster service list)", key, muster.ErrNotFound)
	}
	return svc, nil
}

// ListInstances returns a page of a service's instances.
func (s *server) ListInstances(ctx context.Context, req *musterv1.ListInstancesRequest) (*musterv1.ListInstancesResponse, error) {
	svc, err := s.service(ctx, req.GetParent())
	if err != nil {
		return nil, err
	}
	entry := func(m muster.Member) string { return m.Instance.Entry() }
	members := slices.SortedFunc(slices.Values(svc.Members), func(a, b muster.Member) int { return strings.Compare(entry(a), entry(b)) })
	members, next, err := page(members, req, entry)
	if err != nil {
		return nil, err
	}
	answer := &musterv1.ListInstancesResponse{NextPageToken: next}
	for _, m := range members {
		answer.Instances = append(answer.Instances, wire.MemberProto(m))
	}
	return answer, nil
}

// CanDeploy tells whether instances of a version would be let in.
func (s *server) CanDeploy(ctx context.Context, req *musterv1.CanDeployRequest) (*musterv1.CanDeployResponse, error) {
	if req.GetVersion() == "" || len(req.GetVersion()) > muster.MaxVersion {
		return nil, &muster.InvalidError{
			Field: "version", Value: req.GetVersion(), Problem: "is not between 1 and " + strconv.Itoa(muster.MaxVersion) + " bytes long",
		}
	}
	key, err := wire.ServiceKey(req.GetService())
	if err != nil {
		return nil, err
	}
	registry, _, err := s.registry()
	if err != nil {
		return nil, err
	}
	// The gate as it is now: the view may lag what a caller has just waited for.
	sheet, err := registry.Sheet(ctx, key)
	switch {
	case errors.Is(err, muster.ErrNotFound):
		return new(musterv1.CanDeployResponse), nil // nothing concerns it yet
	case err != nil:
		return nil, err
	}
	return &musterv1.CanDeployResponse{Refusals: wire.RefusalsProto(sheet.Admit(req.GetVersion()))}, nil
}

// DecommissionInstance confirms that vanished instances are gone.
func (s *server) DecommissionInstance(ctx context.Context, req *musterv1.DecommissionInstanceRequest) (*musterv1.DecommissionInstanceResponse, error) {
	service, id, err := wire.InstanceEntry(req.GetName())
	if err != nil {
		return nil, err
	}
	if err := checkRequest(req.GetRequestId()); err != nil {
		return nil, err
	}
	if err := muster.ValidateText("reason", req.GetReason(), muster.MaxText); err != nil {
		return nil, err
	}
	svc, err := s.service(ctx, wire.ServiceName(service))
	if err != nil {
		return nil, err
	}
	st, node, err := s.registry()
	if err != nil {
		return nil, err
	}
	rec := muster.Record{
		Time: time.Now().UTC(), Action: muster.ActionDecommission, Service: service,
		By: callOf(ctx).principal.name, Why: req.GetReason(), Operation: req.GetRequestId(),
	}
	if rec.Operation == "" {
		rec.Operation = operation()
	}
	gone, live := vanished(svc, id)
	switch {
	case len(gone) == 0 && live:
		return nil, fmt.Errorf("decommission %s/%s: it is live: %w (stop it first)", service, id, muster.ErrFailedPrecondition)
	case len(gone) == 0:
		return s.decommissionedBefore(ctx, st, service, id, rec.Operation)
	}
	answer := new(musterv1.DecommissionInstanceResponse)
	for _, m := range gone {
		if err := decommission(ctx, st, node, m, rec); err != nil {
			return nil, err
		}
		answer.Instances = append(answer.Instances, wire.MemberProto(m))
	}
	return answer, nil
}

// vanished returns the members that id names and that are not live, and whether
// one of them is.
func vanished(svc muster.Service, id string) (gone []muster.Member, live bool) {
	for _, m := range svc.Members {
		switch {
		case m.Instance.ID != id && m.Instance.Entry() != id:
		case m.Live:
			live = true
		default:
			gone = append(gone, m)
		}
	}
	return gone, live
}

func decommission(ctx context.Context, st *store.Store, node string, m muster.Member, rec muster.Record) error {
	service, entry := m.Instance.Service, m.Instance.Entry()
	version, err := st.MemberVersion(ctx, service, entry)
	if errors.Is(err, muster.ErrNotFound) {
		return nil // reaped meanwhile
	}
	if err != nil {
		return err
	}
	m.Version = version
	rec.Instance = m.Instance.ID
	return st.Decommission(ctx, node, service, m, rec)
}

// decommissionedBefore answers for an instance that is not there: well where
// this very request removed it and its answer got lost.
func (s *server) decommissionedBefore(ctx context.Context, st *store.Store, service, id, operation string) (*musterv1.DecommissionInstanceResponse, error) {
	records, err := st.History(ctx, store.HistoryQuery{Service: service, Limit: defaultPage})
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		if rec.Action == muster.ActionDecommission && rec.Operation == operation {
			return new(musterv1.DecommissionInstanceResponse), nil
		}
	}
	return nil, fmt.Errorf("instance %s/%s: %w (see: muster instance list)", service, id, muster.ErrNotFound)
}

// GetAgent tells about this agent.
func (s *server) GetAgent(context.Context, *musterv1.GetAgentRequest) (*musterv1.Agent, error) {
	leader, self := s.view.Leader()
	a := &musterv1.Agent{Name: s.name, Version: s.cfg.Version, Leader: leader, Leading: self, Ready: true}
	if err := s.view.Ready(); err != nil {
		a.Ready, a.Problem = false, err.Error()
	}
	return a, nil
}

// A paged request asks for a page of a list.
type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

// pageOf returns how many are wanted, and after which; "" for the first.
func pageOf(req paged) (size int, after string, err error) {
	switch n := req.GetPageSize(); {
	case n < 0:
		return 0, "", &muster.InvalidError{Field: "page_size", Value: strconv.Itoa(int(n)), Problem: "is negative"}
	case n == 0:
		size = defaultPage
	default:
		size = min(int(n), maxPage)
	}
	if req.GetPageToken() == "" {
		return size, "", nil
	}
	last, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil || len(last) == 0 {
		return 0, "", &muster.InvalidError{Field: "page_token", Value: req.GetPageToken(), Problem: "is not one that was given out"}
	}
	return size, string(last), nil
}

// pageToken names the last of a page.
func pageToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

// page cuts the page that is wanted out of a sorted list. What comes or goes
// between two pages neither doubles nor hides anything else.
func page[T any](all []T, req paged, name func(T) string) (some []T, next string, err error) {
	size, after, err := pageOf(req)
	if err != nil {
		return nil, "", err
	}
	first := 0
	if after != "" {
		first, _ = slices.BinarySearchFunc(all, after, func(t T, after string) int {
			if name(t) <= after {
				return -1
			}
			return 1
		})
	}
	some = all[first:]
	if len(some) <= size {
		return some, "", nil
	}
	some = some[:size]
	return some, pageToken(name(some[size-1])), nil
}
