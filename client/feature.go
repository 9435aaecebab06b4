package client

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// pageSize is how much is asked for at once where all is wanted.
const pageSize = 1000

// Apply makes spec the one that is wanted, and creates the feature if it is
// new. Empty policies get their defaults. An invalid spec is an
// [*muster.InvalidError] and is not sent. With [Wait] it returns when the spec
// is in force.
func (c *Client) Apply(ctx context.Context, spec muster.Spec, opts ...Option) (muster.Feature, error) {
	o := optionsOf(opts)
	spec = spec.WithDefaults()
	if err := spec.Validate(); err != nil {
		return muster.Feature{}, fmt.Errorf("apply: %w", err)
	}
	f, err := feature(ctx, c, func(ctx context.Context, api musterv1.FeatureServiceClient) (*musterv1.Feature, error) {
		return api.ApplyFeature(ctx, &musterv1.ApplyFeatureRequest{
			Feature: &musterv1.Feature{Name: wire.FeatureName(spec.Feature), Spec: wire.SpecProto(spec)},
			Reason:  o.why, RequestId: o.request, ValidateOnly: o.dry, Assumed: o.assumed,
		})
	})
	if err != nil || !o.wait || o.dry {
		return f, err
	}
	return c.await(ctx, f, inForce(f))
}

// Activate wants the feature on; it goes there when every instance is ready.
// With [Wait] it returns when it is on.
func (c *Client) Activate(ctx context.Context, key string, opts ...Option) (muster.Feature, error) {
	return c.command(ctx, "Activate", key, opts, goal{stage: muster.On},
		func(ctx context.Context, api musterv1.FeatureServiceClient, o options) (*musterv1.Feature, error) {
			return api.ActivateFeature(ctx, &musterv1.ActivateFeatureRequest{Name: wire.FeatureName(key), Reason: o.why, RequestId: o.request})
		})
}

// Deactivate wants the feature off. With [Wait] it returns when it is off and
// old instances are let in again.
func (c *Client) Deactivate(ctx context.Context, key string, opts ...Option) (muster.Feature, error) {
	return c.command(ctx, "Deactivate", key, opts, goal{stage: muster.Off},
		func(ctx context.Context, api musterv1.FeatureServiceClient, o options) (*musterv1.Feature, error) {
			return api.DeactivateFeature(ctx, &musterv1.DeactivateFeatureRequest{Name: wire.FeatureName(key), Reason: o.why, RequestId: o.request})
		})
}

// Kill wants the feature off in an emergency: instances stop to send the new
// form as soon as they hear of it. The history tells it from a deactivation.
// With [Wait] it returns when the feature is off for good.
func (c *Client) Kill(ctx context.Context, key string, opts ...Option) (muster.Feature, error) {
	return c.command(ctx, "Kill", key, opts, goal{stage: muster.Off},
		func(ctx context.Context, api musterv1.FeatureServiceClient, o options) (*musterv1.Feature, error) {
			return api.KillFeature(ctx, &musterv1.KillFeatureRequest{Name: wire.FeatureName(key), Reason: o.why, RequestId: o.request})
		})
}

// Delete removes a feature that is off with an open gate, as soon as it is out
// of every sheet. With [Wait] it returns when it is gone.
func (c *Client) Delete(ctx context.Context, key string, opts ...Option) (muster.Feature, error) {
	return c.command(ctx, "Delete", key, opts, goal{gone: true},
		func(ctx context.Context, api musterv1.FeatureServiceClient, o options) (*musterv1.Feature, error) {
			return api.DeleteFeature(ctx, &musterv1.DeleteFeatureRequest{Name: wire.FeatureName(key), Reason: o.why, RequestId: o.request})
		})
}

// Feature returns one feature with what it waits for; [muster.ErrNotFound]
// when it is not known.
func (c *Client) Feature(ctx context.Context, key string) (muster.Feature, error) {
	return feature(ctx, c, func(ctx context.Context, api musterv1.FeatureServiceClient) (*musterv1.Feature, error) {
		return api.GetFeature(ctx, &musterv1.GetFeatureRequest{Name: wire.FeatureName(key)})
	})
}

// Features returns all features, sorted by key.
func (c *Client) Features(ctx context.Context) ([]muster.Feature, error) {
	var features []muster.Feature
	for token := ""; ; {
		page, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.ListFeaturesResponse, error) {
			return musterv1.NewFeatureServiceClient(conn).ListFeatures(ctx, &musterv1.ListFeaturesRequest{PageSize: pageSize, PageToken: token})
		})
		if err != nil {
			return nil, err
		}
		for _, m := range page.GetFeatures() {
			f, err := wire.Feature(m)
			if err != nil {
				return nil, unreadable(m.GetName(), err)
			}
			features = append(features, f)
		}
		if token = page.GetNextPageToken(); token == "" {
			return features, nil
		}
	}
}

// command says where a feature is wanted, and waits for it if that is asked.
func (c *Client) command(ctx context.Context, method, key string, opts []Option, to goal,
	send func(context.Context, musterv1.FeatureServiceClient, options) (*musterv1.Feature, error),
) (muster.Feature, error) {
	o := optionsOf(opts)
	if err := o.only(method, true, false); err != nil {
		return muster.Feature{}, err
	}
	f, err := feature(ctx, c, func(ctx context.Context, api musterv1.FeatureServiceClient) (*musterv1.Feature, error) {
		return send(ctx, api, o)
	})
	if err != nil || !o.wait {
		return f, err
	}
	return c.await(ctx, f, to)
}

// feature makes a call that answers with a feature.
func feature(ctx context.Context, c *Client, ask func(context.Context, musterv1.FeatureServiceClient) (*musterv1.Feature, error)) (muster.Feature, error) {
	m, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.Feature, error) {
		return ask(ctx, musterv1.NewFeatureServiceClient(conn))
	})
	if err != nil {
		return muster.Feature{}, err
	}
	f, err := wire.Feature(m)
	if err != nil {
		return f, unreadable(m.GetName(), err)
	}
	return f, nil
}

// unreadable is about an answer that this version does not understand.
func unreadable(name string, err error) error {
	return fmt.Errorf("the agent's answer about %s: %w (is the agent newer than this client?)", name, err)
}
