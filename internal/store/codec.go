package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/musterhq/muster"
)

// format is the version of the encodings. A reader leaves what is of a newer
// one alone, and reports it. Within a format it passes over fields that it does
// not know, and drops them when it writes: a field that must outlive an older
// writer needs a new format.
const format = 1

// encode returns v, a struct, as JSON with the format in front.
func encode(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	head := fmt.Appendf(make([]byte, 0, len(body)+16), `{"format":%d`, format)
	if len(body) > len("{}") {
		head = append(head, ',')
	}
	return append(head, body[1:]...), nil
}

// decode reads what encode wrote. The error is a [*GarbageError].
func decode[T any](path string, data []byte) (T, error) {
	var v T
	err := decodeInto(data, &v)
	if err != nil {
		return v, &GarbageError{Path: path, Err: err}
	}
	return v, nil
}

func decodeInto(data []byte, v any) error {
	if len(data) == 0 {
		return errors.New("it is empty")
	}
	var head struct{ Format *int }
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	switch {
	case head.Format == nil:
		return errors.New("it names no format")
	case *head.Format != format:
		return fmt.Errorf("it is of format %d, and this version understands %d: upgrade", *head.Format, format)
	}
	return json.Unmarshal(data, v)
}

func decodeSheet(path, service string, data []byte, revision int32) (muster.Sheet, error) {
	sheet, err := decode[muster.Sheet](path, data)
	if err == nil && sheet.Service != service {
		err = misplaced(path, "service", sheet.Service)
	}
	if err == nil {
		err = presentableSheet(path, sheet)
	}
	if err != nil {
		return muster.Sheet{Service: service, Revision: revision}, err
	}
	sheet.Revision = revision
	return sheet, nil
}

func decodeStatus(path, key string, data []byte) (muster.Status, error) {
	status, err := decode[muster.Status](path, data)
	if err == nil && status.Feature != key {
		err = misplaced(path, "feature", status.Feature)
	}
	if err == nil {
		err = presentableStatus(path, status)
	}
	if err != nil {
		return muster.Status{Feature: key}, err
	}
	return status, nil
}

func decodeSpec(path, key string, rev int64, data []byte) (muster.Spec, error) {
	spec, err := decode[muster.Spec](path, data)
	if err != nil {
		return spec, err
	}
	if spec.Feature != key || spec.Revision != rev {
		return spec, misplaced(path, "spec", fmt.Sprintf("%s revision %d", spec.Feature, spec.Revision))
	}
	return spec, garbage(path, spec.Validate())
}

// A memberBody is what a member's entry holds: the instance, and the ack with
// which it joined.
type memberBody struct {
	muster.Instance
	Born *int32 `json:"born,omitempty"`
}

// decodeMember reads a member's entry. One that does not say with which ack it
// joined is by a former writer.
func decodeMember(path, service, entry string, data []byte) (muster.Member, error) {
	m := muster.Member{Born: -1}
	var err error
	if m.Instance, err = decodeInstance(path, service, entry, data); err != nil {
		return m, err
	}
	body, err := decode[struct{ Born *int32 }](path, data)
	if err == nil && body.Born != nil {
		m.Born = *body.Born
	}
	return m, err
}

// decodeInstance reads an instance's own description, which must be that of
// the entry in whose place it stands.
func decodeInstance(path, service, entry string, data []byte) (muster.Instance, error) {
	inst, err := decode[muster.Instance](path, data)
	if err == nil && (inst.Service != service || inst.Entry() != entry) {
		err = misplaced(path, "instance", inst.Service+"/"+inst.Entry())
	}
	if err == nil {
		err = presentable(path, inst)
	}
	if err != nil {
		return instance(service, entry), err
	}
	return inst, nil
}

func decodeKnock(path, service, entry string, data []byte) (muster.Knock, error) {
	k, err := decode[muster.Knock](path, data)
	if err == nil && (k.Instance.Service != service || k.Instance.Entry() != entry) {
		err = misplaced(path, "instance", k.Instance.Service+"/"+k.Instance.Entry())
	}
	if err == nil {
		err = presentableKnock(path, k)
	}
	if err != nil {
		return muster.Knock{Instance: instance(service, entry)}, err
	}
	return k, nil
}

// decodeAck reads an ack. One that names no revision is none of revision 0.
func decodeAck(path string, data []byte) (muster.Ack, error) {
	ack, err := decode[muster.Ack](path, data)
	if err != nil {
		return muster.Ack{}, err
	}
	named, err := decode[struct{ Revision, Applied *int32 }](path, data)
	switch {
	case err != nil:
		return muster.Ack{}, err
	case named.Revision == nil, named.Applied == nil:
		return muster.Ack{}, &GarbageError{Path: path, Err: errors.New("it names no revision")}
	}
	return ack, nil
}

func decodeRecord(path string, data []byte) (muster.Record, error) {
	rec, err := decode[muster.Record](path, data)
	if err == nil {
		err = presentableRecord(path, rec)
	}
	return rec, err
}

func misplaced(path, what, name string) error {
	return &GarbageError{Path: path, Err: fmt.Errorf("it speaks of another %s, %.120q", what, name)}
}
