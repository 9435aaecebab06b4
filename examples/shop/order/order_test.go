package order_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/musterhq/muster/examples/shop/order"
)

func TestForms(t *testing.T) {
	t.Parallel()
	want := order.Order{Item: "lamp", To: order.Address{Street: "Elm Street 5", City: "Springfield", PostalCode: "12345", Country: "US"}}
	for _, structured := range []bool{false, true} {
		body, err := order.Encode(want, structured)
		if err != nil {
			t.Fatal(err)
		}
		got, isNew, err := order.Decode(bytes.NewReader(body), true)
		if err != nil || got != want || isNew != structured {
			t.Errorf("structured %v: got %+v, %v, %v", structured, got, isNew, err)
		}
		if _, _, err := order.Decode(bytes.NewReader(body), false); errors.Is(err, order.ErrNewForm) != structured {
			t.Errorf("structured %v, not understood: got %v", structured, err)
		}
	}
}
