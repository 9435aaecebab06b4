package wire

import (
	"strings"

	"github.com/musterhq/muster"
)

// FeatureName returns the resource name of a feature: features/{key}.
func FeatureName(key string) string { return "features/" + key }

// FeatureKey is the inverse of [FeatureName]; it checks the key.
func FeatureKey(name string) (string, error) {
	return parse("name", name, "features/", muster.ValidateFeature)
}

// ServiceName returns the resource name of a service: services/{service}.
func ServiceName(service string) string { return "services/" + service }

// ServiceKey is the inverse of [ServiceName]; it checks the service's name.
func ServiceKey(name string) (string, error) {
	return parse("name", name, "services/", muster.ValidateService)
}

// InstanceName returns the resource name of a process, by its entry,
// id~incarnation, or of all that bear an id.
func InstanceName(service, entry string) string {
	return ServiceName(service) + "/instances/" + entry
}

// InstanceEntry is the inverse of [InstanceName]. It checks the service's name;
// an entry may be anything, so that what garbage left behind can be named too.
func InstanceEntry(name string) (service, entry string, err error) {
	parent, entry, found := strings.Cut(name, "/instances/")
	if !found || entry == "" || strings.Contains(entry, "/") {
		return "", "", &muster.InvalidError{Field: "name", Value: name, Problem: "is not of the form services/{service}/instances/{instance}"}
	}
	service, err = ServiceKey(parent)
	return service, entry, err
}

const recordPrefix = "records/"

func parse(field, name, prefix string, validate func(string) error) (string, error) {
	key, found := strings.CutPrefix(name, prefix)
	if !found {
		return "", &muster.InvalidError{Field: field, Value: name, Problem: "is not of the form " + prefix + "{name}"}
	}
	if err := validate(key); err != nil {
		return "", err
	}
	return key, nil
}
