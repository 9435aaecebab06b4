package client

import (
	"context"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// A HistoryQuery says which records are wanted; zero values do not restrict.
type HistoryQuery struct {
	Feature string    // only of this feature
	Service string    // only what concerns this service
	Since   time.Time // only from this moment on
	Until   time.Time // only before this moment
	Limit   int       // at most so many
}

// History yields the audit records that the query asks for, the newest first,
// asking for more as they are needed. An error is the last thing it yields.
func (c *Client) History(ctx context.Context, q HistoryQuery) iter.Seq2[muster.Record, error] {
	return func(yield func(muster.Record, error) bool) {
		req := q.request()
		for n := 0; ; {
			page, err := call(ctx, c, func(ctx context.Context, conn grpc.ClientConnInterface) (*musterv1.ListRecordsResponse, error) {
				return musterv1.NewFeatureServiceClient(conn).ListRecords(ctx, req)
			})
			if err != nil {
				yield(muster.Record{}, err)
				return
			}
			for _, m := range page.GetRecords() {
				rec, err := wire.Record(m)
				if err != nil {
					yield(rec, unreadable(m.GetName(), err))
					return
				}
				if !yield(rec, nil) {
					return
				}
				if n++; n == q.Limit {
					return
				}
			}
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return
			}
		}
	}
}

func (q HistoryQuery) request() *musterv1.ListRecordsRequest {
	req := &musterv1.ListRecordsRequest{PageSize: 100}
	if q.Limit > 0 {
		req.PageSize = int32(min(q.Limit, pageSize))
	}
	if q.Feature != "" {
		req.Feature = wire.FeatureName(q.Feature)
	}
	if q.Service != "" {
		req.Service = wire.ServiceName(q.Service)
	}
	if !q.Since.IsZero() {
		req.StartTime = timestamppb.New(q.Since)
	}
	if !q.Until.IsZero() {
		req.EndTime = timestamppb.New(q.Until)
	}
	return req
}
