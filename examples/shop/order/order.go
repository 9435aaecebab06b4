// Package order is what the shop's services say to each other: an order, with
// its address in one of two forms. The old form is one line; the new form is
// street, city, postal code and country. The feature structured-address moves
// the shop from one to the other.
package order

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An Address is where to ship to.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

// Line is the address in the old form.
func (a Address) Line() string {
	return strings.Join([]string{a.Street, a.City, a.PostalCode, a.Country}, ", ")
}

// parseLine reads the old form back.
func parseLine(line string) (Address, error) {
	parts := strings.Split(line, ", ")
	if len(parts) != 4 {
		return Address{}, fmt.Errorf("address %q: want street, city, postal code, country", line)
	}
	return Address{Street: parts[0], City: parts[1], PostalCode: parts[2], Country: parts[3]}, nil
}

// An Order is one order of one item.
type Order struct {
	Item string
	To   Address
}

// The two forms on the wire.
type (
	oldForm struct {
		Item    string `json:"item"`
		Address string `json:"address"`
	}
	newForm struct {
		Item   string  `json:"item"`
		ShipTo Address `json:"shipTo"`
	}
)

// ErrNewForm is what a service answers that receives the new form and does not
// understand it: the error that muster exists to prevent.
var ErrNewForm = errors.New("received a structured address and does not understand it")

// Encode writes the order, in the new form where that is on.
func Encode(o Order, structured bool) ([]byte, error) {
	if structured {
		return json.Marshal(newForm{Item: o.Item, ShipTo: o.To})
	}
	return json.Marshal(oldForm{Item: o.Item, Address: o.To.Line()})
}

// Decode reads an order in the old form, and in the new form where that is
// understood; [ErrNewForm] otherwise.
func Decode(r io.Reader, understood bool) (o Order, structured bool, err error) {
	var either struct {
		Item    string   `json:"item"`
		Address *string  `json:"address"`
		ShipTo  *Address `json:"shipTo"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 64<<10)).Decode(&either); err != nil {
		return Order{}, false, fmt.Errorf("order: %w", err)
	}
	switch {
	case either.ShipTo != nil && !understood:
		return Order{}, true, ErrNewForm
	case either.ShipTo != nil:
		return Order{Item: either.Item, To: *either.ShipTo}, true, nil
	case either.Address != nil:
		to, err := parseLine(*either.Address)
		return Order{Item: either.Item, To: to}, false, err
	default:
		return Order{}, false, errors.New("order: has no address")
	}
}
