package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

func Example() {
	zookeeper, stop := registry()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := sdk.Open(ctx, sdk.Config{
		Service: "checkout", Version: "2.3.0", ID: "checkout-1",
		Servers: []string{"zk-1:2181", "zk-2:2181", "zk-3:2181"}, Dial: zookeeper,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	address := m.Bool("structured-address", false) // once
	fmt.Println("send the new form:", address.Enabled(ctx))
	fmt.Println("understand it:", address.Accepts(ctx))
	fmt.Println("ready:", m.Ready() == nil)
	// Output:
	// send the new form: false
	// understand it: true
	// ready: true
}

func ExampleOpen_refused() {
	zookeeper, stop := registry()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	m, err := sdk.Open(ctx, sdk.Config{
		Service: "checkout", Version: "1.9.0", ID: "checkout-1",
		Servers: []string{"zk-1:2181"}, Dial: zookeeper,
	})
	if m != nil {
		defer m.Close()
	}
	fmt.Println(err)
	fmt.Println(m.Status().State) // it waits; m.ReadyHandler says not ready
	// Output:
	// register checkout/checkout-1: refused by structured-address (accept): needs >=2.0.0, is 1.9.0 (upgrade it, or: muster deactivate structured-address)
	// refused
}

func ExampleClient_Pin() {
	zookeeper, stop := registry()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := sdk.Open(ctx, sdk.Config{
		Service: "checkout", Version: "2.3.0", Servers: []string{"zk-1:2181"}, Dial: zookeeper,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	address := m.Bool("structured-address", false)

	request, release := m.Pin(ctx)
	defer release()
	d := address.Explain(request)
	fmt.Printf("%s stands at %s by revision %d: %s, pinned: %t\n", d.Feature, d.Stage, d.Revision, d.Reason, d.Pinned)
	// Output:
	// structured-address stands at accept by revision 1: SHEET, pinned: true
}

func ExampleClient_ReadyHandler() {
	zookeeper, stop := registry()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := sdk.Open(ctx, sdk.Config{
		Service: "checkout", Version: "2.3.0", ID: "checkout-1", Servers: []string{"zk-1:2181"}, Dial: zookeeper,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /ready", m.ReadyHandler())
	probe := httptest.NewRecorder()
	mux.ServeHTTP(probe, httptest.NewRequestWithContext(ctx, http.MethodGet, "/ready", http.NoBody))
	fmt.Print(probe.Code, " ", probe.Body)
	// Output:
	// 200 {"ready":true,"state":"live","service":"checkout","instance":"checkout-1","version":"2.3.0","revision":1}
}

// What a request has decided by a flag may not leave an instance that has lost
// contact for longer than its lease: send within the pinned context.
func ExampleErrFenced() {
	server, zookeeper, stop := serve()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := sdk.Open(ctx, sdk.Config{
		Service: "checkout", Version: "2.3.0", Servers: []string{"zk-1:2181"}, Dial: zookeeper,
		SessionTimeout: time.Second, Lease: 600 * time.Millisecond,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	request, release := m.Pin(ctx)
	defer release()
	fmt.Println("send the new form:", m.Bool("split-payment", false).Enabled(request))
	heal := server.Faults().Silence(nil) // ZooKeeper says nothing any more
	defer heal()
	<-request.Done()
	fmt.Println(errors.Is(context.Cause(request), sdk.ErrFenced))
	// Output:
	// send the new form: true
	// true
}

// A start without ZooKeeper answers from the sheet last known.
func ExampleConfig_snapshot() {
	folder, err := os.MkdirTemp("", "muster")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	zookeeper, stop := registry()
	defer stop()
	cfg := sdk.Config{
		Service: "checkout", Version: "2.3.0", Servers: []string{"zk-1:2181"}, Dial: zookeeper,
		Snapshot: filepath.Join(folder, "checkout.snapshot"),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	first, err := sdk.Open(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	first.Close()

	cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route to host") }
	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	m, err := sdk.Open(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	d := m.Bool("split-payment", false).Explain(context.Background())
	fmt.Println(m.Status().State, d.Stage, d.Reason, "of revision", d.Revision)
	// Output:
	// joining accept STALE of revision 1
}

// registry runs the embedded server, in which checkout has the feature
// structured-address at accept and split-payment at on, and returns how to reach
// it.
func registry() (dial func(ctx context.Context, network, address string) (net.Conn, error), stop func()) {
	_, dial, stop = serve()
	return dial, stop
}

func serve() (server *zkserver.Server, dial func(ctx context.Context, network, address string) (net.Conn, error), stop func()) {
	server, err := zkserver.New(zkserver.Config{})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Run(context.Background()) }()
	dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return server.Dial(ctx) }

	ctx := context.Background()
	zk, err := zoo.Dial(ctx, zoo.Config{Servers: []string{"zk-1:2181"}, Dial: dial})
	if err != nil {
		log.Fatal(err)
	}
	defer zk.Close()
	if _, _, err := store.New(zk, "/muster").WatchSheet(ctx, "checkout"); err != nil { // makes the service
		log.Fatal(err)
	}
	var t zoo.Txn
	t.Set("/muster/services/checkout", []byte(`{"format":1,"service":"checkout","features":{"structured-address":`+
		`{"stage":"accept","epoch":1,"since":1,"spec":1,"constraint":">=2.0.0","gate":"closed","onDisconnect":"accept"},"split-payment":`+
		`{"stage":"on","epoch":2,"since":1,"spec":1,"constraint":">=1.0.0","gate":"closed","onDisconnect":"accept"}}}`), 0)
	if _, err := zk.Commit(ctx, t); err != nil {
		log.Fatal(err)
	}
	return server, dial, func() {
		server.Close()
		<-done
	}
}
