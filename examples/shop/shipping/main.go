// Command shipping prints the labels. It understands the new form of an
// address where the feature structured-address is at accept or on.
package main

import (
	"net/http"

	"github.com/musterhq/muster/examples/shop/order"
	"github.com/musterhq/muster/examples/shop/service"
)

func main() {
	service.Main("shipping", func(env service.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, structured, err := order.Decode(r.Body, env.Address.Accepts(r.Context()))
			hop := service.Hop{Service: "shipping", Instance: env.Instance, Version: env.Version, Structured: structured}
			service.Reply(w, hop, service.Answer{}, err)
		})
	})
}
