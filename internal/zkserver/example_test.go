package zkserver_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
)

// The server loses the answer to exactly one request: what it asked for is done.
func Example() {
	s, err := zkserver.New(zkserver.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(context.Background()) })
	defer wg.Wait()
	defer s.Close()

	c, events, err := zk.Connect([]string{s.Addr()}, 10*time.Second, zk.WithLogger(silent{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		c.Close()
		for range events { // until it is closed
		}
	}()

	s.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
		if r.Op == "create" {
			return zkserver.Verdict{Do: zkserver.DropAfter}
		}
		return zkserver.Verdict{}
	})
	_, err = c.Create("/lost", nil, 0, zk.WorldACL(zk.PermAll))
	fmt.Println("create:", err)

	s.Faults().OnRequest(nil)
	there, _, err := c.Exists("/lost")
	fmt.Println("exists:", there, err)
	// Output:
	// create: zk: connection closed
	// exists: true <nil>
}
