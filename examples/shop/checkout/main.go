// Command checkout takes orders from the storefront and has them shipped. It
// understands the new form of an address where the feature structured-address
// is at accept or on, and sends it where it is on.
package main

import (
	"net/http"

	"github.com/musterhq/muster/examples/shop/order"
	"github.com/musterhq/muster/examples/shop/service"
)

func main() {
	service.Main("checkout", func(env service.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o, structured, err := order.Decode(r.Body, env.Address.Accepts(r.Context()))
			hop := service.Hop{Service: "checkout", Instance: env.Instance, Version: env.Version, Structured: structured}
			if err != nil {
				service.Reply(w, hop, service.Answer{}, err)
				return
			}
			answer, err := env.Next.Order(r.Context(), o, env.Address.Enabled(r.Context()))
			service.Reply(w, hop, answer, err)
		})
	})
}
