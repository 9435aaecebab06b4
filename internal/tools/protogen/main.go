// Command protogen turns the .proto files below a folder into Go beside them,
// with nothing but Go installed: it compiles them in process and hands the
// result to protoc-gen-go and protoc-gen-go-grpc in the versions that the tools
// module pins.
//
// Usage, from the tools module:
//
//	go run ./protogen ../../proto         writes the Go files
//	go run ./protogen -check ../../proto  writes nothing and fails if one is stale
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail if a file is stale")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: protogen [-check] DIR")
		os.Exit(2)
	}
	put := write
	if *check {
		put = compare
	}
	if err := run(context.Background(), flag.Arg(0), put); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

// write and compare are what can be done with a generated file.
func write(name string, content []byte) error {
	return os.WriteFile(name, content, 0o644)
}

func compare(name string, content []byte) error {
	got, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, content) {
		return fmt.Errorf("%s is not what its .proto says: run make generate", name)
	}
	return nil
}

func run(ctx context.Context, dir string, put func(name string, content []byte) error) error {
	names, err := sources(dir)
	if err != nil {
		return err
	}
	req, err := compile(ctx, dir, names)
	if err != nil {
		return err
	}
	for _, plugin := range []string{"protoc-gen-go", "protoc-gen-go-grpc"} {
		files, err := generate(ctx, plugin, req)
		if err != nil {
			return fmt.Errorf("%s: %w", plugin, err)
		}
		for _, file := range files {
			name := filepath.Join(dir, filepath.FromSlash(file.GetName()))
			if err := put(name, []byte(file.GetContent())); err != nil {
				return err
			}
		}
	}
	return nil
}

// sources lists the .proto files below dir, in lexical order, as slash paths
// relative to it: the names by which they import one another.
func sources(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".proto") {
			names = append(names, name)
		}
		return err
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no .proto files below %s", dir)
	}
	return names, err
}

// compile makes the request that every plugin gets. Comments travel with it;
// google/protobuf/*.proto come with the compiler.
func compile(ctx context.Context, dir string, names []string) (*pluginpb.CodeGeneratorRequest, error) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			ImportPaths: []string{dir},
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, err
	}
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String("paths=source_relative"),
		ProtoFile:      inOrder(files),
	}, nil
}

// inOrder lists files and what they import, each after its imports, as the
// plugin protocol demands.
func inOrder(files linker.Files) []*descriptorpb.FileDescriptorProto {
	var ordered []*descriptorpb.FileDescriptorProto
	seen := make(map[string]bool)
	var visit func(protoreflect.FileDescriptor)
	visit = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			visit(file.Imports().Get(i).FileDescriptor)
		}
		if parsed, ok := file.(linker.Result); ok {
			ordered = append(ordered, parsed.FileDescriptorProto())
		} else {
			ordered = append(ordered, protodesc.ToFileDescriptorProto(file))
		}
	}
	for _, file := range files {
		visit(file)
	}
	return ordered
}

// generate runs one plugin and gives the files that it answers.
func generate(ctx context.Context, plugin string, req *pluginpb.CodeGeneratorRequest) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	in, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", plugin)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var resp pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &resp); err != nil {
		return nil, err
	}
	if resp.Error != nil {
		return nil, errors.New(resp.GetError())
	}
	return resp.GetFile(), nil
}
