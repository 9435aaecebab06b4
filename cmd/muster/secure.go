package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// tlsFlags are the flags for connections to others; prefix tells them apart.
func tlsFlags(prefix, whom string) []cli.Flag {
	flag := func(name, usage string) cli.Flag {
		name = prefix + "-" + name
		return &cli.StringFlag{Name: name, EnvVars: env(name), Usage: usage}
	}
	return []cli.Flag{
		flag("ca", "`FILE` of certificates by which "+whom+" are trusted; use TLS"),
		flag("cert", "`FILE` of our certificate for "+whom+"; use TLS"),
		flag("key", "`FILE` of its key"),
	}
}

// tlsConfig returns what the flags say; nil without any of them.
func tlsConfig(c *cli.Context, prefix string) (*tls.Config, error) {
	ca, cert, key := c.String(prefix+"-ca"), c.String(prefix+"-cert"), c.String(prefix+"-key")
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, usage("", "--%s-ca: %v", prefix, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("", "--%s-ca: %s holds no certificate in PEM form", prefix, ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, usage("", "--%s-cert and --%s-key belong together", prefix, prefix)
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, usage("", "--%s-cert: %v", prefix, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// secret reads a secret from the file that a flag names, or else from the
// environment, where it is not seen in the list of processes.
func secret(c *cli.Context, name string) (string, error) {
	path := c.String(name + "-file")
	if path == "" {
		return os.Getenv(env(name)[0]), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", usage("", "--%s-file: %v", name, err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", usage("", "--%s-file: %s is empty", name, path)
	}
	return text, nil
}

// secretFlag is the flag for [secret].
func secretFlag(name, what string) cli.Flag {
	return &cli.StringFlag{
		Name: name + "-file", EnvVars: env(name + "-file"),
		Usage: fmt.Sprintf("`FILE` that holds %s; or set %s", what, env(name)[0]),
	}
}
