// Command storefront takes orders from customers and hands them to checkout.
// Customers always fill in a form with separate fields; what checkout is told
// depends on the feature structured-address.
package main

import (
	"net/http"

	"github.com/musterhq/muster/examples/shop/order"
	"github.com/musterhq/muster/examples/shop/service"
)

func main() {
	service.Main("storefront", func(env service.Env) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hop := service.Hop{Service: "storefront", Instance: env.Instance, Version: env.Version}
			o, _, err := order.Decode(r.Body, true)
			if err != nil {
				service.Reply(w, hop, service.Answer{}, err)
				return
			}
			answer, err := env.Next.Order(r.Context(), o, env.Address.Enabled(r.Context()))
			service.Reply(w, hop, answer, err)
		})
	})
}
