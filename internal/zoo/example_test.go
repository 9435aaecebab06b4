package zoo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

func Example() {
	server, _ := zkserver.New(zkserver.Config{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer server.Close()
	wg.Go(func() { server.Run(context.Background()) })

	ctx := context.Background()
	s, err := zoo.Dial(ctx, zoo.Config{
		Servers: []string{"zookeeper:2181"},
		Dial:    func(ctx context.Context, _, _ string) (net.Conn, error) { return server.Dial(ctx) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	// Not there yet: the error says so, and the channel when to look again.
	_, changed, err := s.Watch(ctx, "/sheet")
	fmt.Println(errors.Is(err, zoo.ErrNoNode))

	var t zoo.Txn
	t.Create("/sheet", []byte("off"), zoo.Persistent)
	t.Create("/sheet/live", nil, zoo.Ephemeral)
	_, err = s.Commit(ctx, t)
	fmt.Println(err)
	<-changed
	node, changed, err := s.Watch(ctx, "/sheet")
	fmt.Printf("%s %d %v\n", node.Data, node.Stat.Version, err)

	// Every write carries what it was decided on.
	var move zoo.Txn
	move.Check("/sheet/live", 0)
	move.Set("/sheet", []byte("on"), node.Stat.Version)
	results, err := s.Commit(ctx, move)
	fmt.Println(results[1].Version, err)
	<-changed

	_, err = s.Commit(ctx, move)
	var conflict *zoo.ConflictError
	fmt.Println(errors.As(err, &conflict), err)

	s.Close()
	fmt.Println(s.Err())
	// Output:
	// true
	// <nil>
	// off 0 <nil>
	// 1 <nil>
	// true commit: set /sheet: node has moved on to another version (operation 1)
	// closed: session has ended
}
