package client

import (
	"context"

	"google.golang.org/grpc"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// Services returns all services with their instances, sorted by name.
func (c *Client) Services(ctx context.Context) ([]muster.Service, error) {
	var services []muster.Service
	for token := ""; ; {
		page, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.ListServicesResponse, error) {
			return musterv1.NewRegistryServiceClient(conn).ListServices(ctx, &musterv1.ListServicesRequest{
				PageSize: pageSize, PageToken: token, View: musterv1.ServiceView_SERVICE_VIEW_FULL,
			})
		})
		if err != nil {
			return nil, err
		}
		for _, m := range page.GetServices() {
			s, err := wire.Service(m)
			if err != nil {
				return nil, unreadable(m.GetName(), err)
			}
			services = append(services, s)
		}
		if token = page.GetNextPageToken(); token == "" {
			return services, nil
		}
	}
}

// Service returns one service with its sheet, instances and knocks;
// [muster.ErrNotFound] when nobody has registered it.
func (c *Client) Service(ctx context.Context, name string) (muster.Service, error) {
	m, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.Service, error) {
		return musterv1.NewRegistryServiceClient(conn).GetService(ctx, &musterv1.GetServiceRequest{
			Name: wire.ServiceName(name), View: musterv1.ServiceView_SERVICE_VIEW_FULL,
		})
	})
	if err != nil {
		return muster.Service{}, err
	}
	s, err := wire.Service(m)
	if err != nil {
		return s, unreadable(m.GetName(), err)
	}
	return s, nil
}

// Instances returns the members of one service, sorted by id.
func (c *Client) Instances(ctx context.Context, service string) ([]muster.Member, error) {
	var members []muster.Member
	for token := ""; ; {
		page, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.ListInstancesResponse, error) {
			return musterv1.NewRegistryServiceClient(conn).ListInstances(ctx, &musterv1.ListInstancesRequest{
				Parent: wire.ServiceName(service), PageSize: pageSize, PageToken: token,
			})
		})
		if err != nil {
			return nil, err
		}
		for _, m := range page.GetInstances() {
			member, err := wire.Member(m)
			if err != nil {
				return nil, unreadable(m.GetName(), err)
			}
			members = append(members, member)
		}
		if token = page.GetNextPageToken(); token == "" {
			return members, nil
		}
	}
}

// Decommission confirms that a vanished instance is gone and does not serve, so
// that nothing waits for it any more. id is an instance's id, for every process
// that bore it and is not live, or id~incarnation for one of them. The error is
// [muster.ErrFailedPrecondition] while it is live.
func (c *Client) Decommission(ctx context.Context, service, id string, opts ...Option) error {
	o := optionsOf(opts)
	if err := o.only("Decommission", false, false); err != nil {
		return err
	}
	_, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.DecommissionInstanceResponse, error) {
		return musterv1.NewRegistryServiceClient(conn).DecommissionInstance(ctx, &musterv1.DecommissionInstanceRequest{
			Name: wire.InstanceName(service, id), Reason: o.why, RequestId: o.request,
		})
	})
	return err
}

// CanDeploy tells whether instances of this version would be let in now, as
// before a service is rolled back: it returns each feature that refuses them.
func (c *Client) CanDeploy(ctx context.Context, service, version string) ([]muster.Refusal, error) {
	m, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.CanDeployResponse, error) {
		return musterv1.NewRegistryServiceClient(conn).CanDeploy(ctx, &musterv1.CanDeployRequest{
			Service: wire.ServiceName(service), Version: version,
		})
	})
	if err != nil {
		return nil, err
	}
	refusals, err := wire.Refusals(m.GetRefusals())
	if err != nil {
		return nil, unreadable(wire.ServiceName(service), err)
	}
	return refusals, nil
}

// An Agent is what an agent says about itself.
type Agent struct {
	Name    string `json:"name"`
	Version string `json:"version"`           // of the program
	Leader  string `json:"leader"`            // the agent that leads; "" while none is known
	Leading bool   `json:"leading"`           // it is this one
	Ready   bool   `json:"ready"`             // its view of the registry is complete and fed
	Problem string `json:"problem,omitempty"` // what is missing when it is not ready
}

// Agent returns what the agent that answers says about itself.
func (c *Client) Agent(ctx context.Context) (Agent, error) {
	m, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.Agent, error) {
		return musterv1.NewAgentServiceClient(conn).GetAgent(ctx, &musterv1.GetAgentRequest{})
	})
	if err != nil {
		return Agent{}, err
	}
	return Agent{
		Name: m.GetName(), Version: m.GetVersion(), Leader: m.GetLeader(), Leading: m.GetLeading(),
		Ready: m.GetReady(), Problem: m.GetProblem(),
	}, nil
}
