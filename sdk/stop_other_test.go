//go:build !unix

package sdk_test

func childMain() {}
