package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/musterhq/muster"
)

// MaxFile is the largest manifest file that is read, in bytes.
const MaxFile = 1 << 20

// maxErrors is how many problems are reported at once.
const maxErrors = 50

// Stdin is the path that stands for the standard input.
const Stdin = "-"

// extensions are those of the files that are read from a directory.
var extensions = []string{".yaml", ".yml", ".json"}

// Read reads all specs of the files and directories at paths, in this order.
// Of a directory it reads the files *.yaml, *.yml and *.json, sorted, and not
// those of directories inside it. The path "-" is stdin.
//
// The specs are valid and have their defaults, no feature occurs twice, and each
// stands behind those that it needs on.
// The error joins all problems of all files; those of their content are
// [*muster.InvalidError] with their Source. With an error there are no specs.
func Read(stdin io.Reader, paths ...string) ([]muster.Spec, error) {
	var (
		all  []located
		errs []error
	)
	for _, path := range paths {
		files, err := list(path)
		if err != nil {
			errs = append(errs, err)
		}
		for _, file := range files {
			name, data, err := load(stdin, file)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			specs, problems := parse(name, data)
			all, errs = append(all, specs...), append(errs, problems...)
		}
	}
	return finish(all, errs)
}

// Parse reads the specs of one manifest; name is how errors call it. It is
// [Read] for what is already in memory.
func Parse(name string, data []byte) ([]muster.Spec, error) {
	if len(data) > MaxFile {
		return nil, tooLarge(name)
	}
	return finish(parse(name, data))
}

// finish adds what can only be judged over all documents.
func finish(all []located, errs []error) ([]muster.Spec, error) {
	first := make(map[string]string, len(all))
	for _, l := range all {
		key := l.spec.Feature
		if other, twice := first[key]; twice {
			errs = append(errs, &muster.InvalidError{
				Field: "feature", Value: key, Source: l.source,
				Problem: "is defined twice: here and at " + other,
			})
			continue
		}
		first[key] = l.source
	}
	all, cycles := order(all)
	errs = append(errs, cycles...)
	if more := len(errs) - maxErrors; more > 0 {
		errs = append(errs[:maxErrors], fmt.Errorf("and %d more problems", more))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	specs := make([]muster.Spec, len(all))
	for i, l := range all {
		specs[i] = l.spec
	}
	return specs, nil
}

// list returns the files at path.
func list(path string) ([]string, error) {
	if path == Stdin {
		return []string{Stdin}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", path, cause(err))
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, fmt.Errorf("read manifests in %s: %w", path, cause(err))
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(extensions, filepath.Ext(e.Name())) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read manifests in %s: the directory holds no file *.yaml, *.yml or *.json", path)
	}
	return files, nil
}

// load reads one file, and never more of it than is accepted.
func load(stdin io.Reader, path string) (name string, data []byte, err error) {
	name = path
	if path == Stdin {
		name = "stdin"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return name, nil, fmt.Errorf("read manifest %s: %w", path, cause(err))
		}
		defer f.Close()
		stdin = f
	}
	data, err = io.ReadAll(io.LimitReader(stdin, MaxFile+1))
	if err != nil {
		return name, nil, fmt.Errorf("read manifest %s: %w", name, cause(err))
	}
	if len(data) > MaxFile {
		return name, nil, tooLarge(name)
	}
	return name, data, nil
}

func tooLarge(name string) error {
	return &muster.InvalidError{Field: "manifest", Problem: "is larger than 1 MiB: split it", Source: name}
}

// cause strips the operation and path, which our messages name already.
func cause(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
