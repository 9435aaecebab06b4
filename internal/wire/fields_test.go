package wire_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
)

// A field that a word gains must travel as well: every field there is is
// filled, sent and found again, but for those that stay in the registry.
func TestNoFieldIsForgotten(t *testing.T) {
	t.Parallel()
	var f muster.Feature
	fill(t, reflect.ValueOf(&f).Elem())
	f.Status.Requests = nil
	gotFeature, err := wire.Feature(wire.FeatureProto(f))
	same(t, err, gotFeature, f)

	var s muster.Service
	fill(t, reflect.ValueOf(&s).Elem())
	s.Members[0].Version, s.Members[0].Born = 0, 0 // the registry's own
	gotService, err := wire.Service(wire.ServiceProto(s, true))
	same(t, err, gotService, s)

	var d muster.Diagnosis
	fill(t, reflect.ValueOf(&d).Elem())
	gotDiagnosis, err := wire.Diagnosis(wire.DiagnosisProto(d))
	same(t, err, gotDiagnosis, d)

	var r muster.Record
	fill(t, reflect.ValueOf(&r).Elem())
	gotRecord, err := wire.Record(wire.RecordProto(r))
	same(t, err, gotRecord, r)
}

func same[W any](t *testing.T, err error, got, want W) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("not what was filled in (-got +want):\n%s", diff)
	}
}

// fill gives every field a value that is not zero, and each name its own.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1, 2).UTC()))
		return
	case muster.Constraint:
		v.Set(reflect.ValueOf(muster.MustConstraint(">=2.0.0")))
		return
	case muster.OnDisconnect:
		v.Set(reflect.ValueOf(muster.Stop))
		return
	case muster.OnOldInstance:
		v.Set(reflect.ValueOf(muster.RollBack))
		return
	case muster.Vanished:
		v.Set(reflect.ValueOf(muster.Confirm))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key)
		fill(t, value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("name")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	default:
		t.Fatalf("a %s: say here how to fill it", v.Type())
	}
}
