package sdk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/musterhq/muster"
)

// A saved is the sheet last known, as Config.Snapshot keeps it: a line with the
// format and the checksum of the rest, which is JSON.
type saved struct {
	Service  string                  `json:"service"`
	Root     string                  `json:"root"`
	Instance string                  `json:"instance"` // who wrote it, for people
	Version  string                  `json:"version"`  // of that instance
	Written  time.Time               `json:"written"`
	Revision int32                   `json:"revision"`
	Features map[string]muster.Entry `json:"features"`
}

const (
	// savedFormat grows when an older reader would misunderstand.
	savedFormat = 1
	savedMark   = "muster-snapshot"
	// maxSaved is more than a sheet can come to.
	maxSaved = 2 << 20
)

func (s saved) encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return append(savedHead(body), body...), nil
}

func savedHead(body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%s %d sha256:%s\n", savedMark, savedFormat, hex.EncodeToString(sum[:]))
}

// decodeSaved reads what encode wrote. Whatever else it is given it refuses, and
// says why.
func decodeSaved(data []byte) (saved, error) {
	var s saved
	head, body, _ := bytes.Cut(data, []byte("\n"))
	words := bytes.Split(head, []byte(" "))
	if len(words) < 2 || string(words[0]) != savedMark {
		return s, errors.New("it is not a snapshot")
	}
	if format, err := strconv.Atoi(string(words[1])); err != nil || format != savedFormat {
		return s, fmt.Errorf("it is of format %.20q, and this version understands %d", words[1], savedFormat)
	}
	if !bytes.Equal(append(head, '\n'), savedHead(body)) {
		return s, errors.New("its checksum is wrong: it is truncated or damaged")
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return saved{}, err
	}
	return s, s.validate()
}

func (s saved) validate() error {
	switch {
	case s.Revision < 0:
		return fmt.Errorf("it names revision %d", s.Revision)
	case s.Written.IsZero():
		return errors.New("it does not say when it was written")
	}
	if err := muster.ValidateService(s.Service); err != nil {
		return err
	}
	for key, e := range s.Features {
		if err := muster.ValidateFeature(key); err != nil {
			return err
		}
		switch {
		case e.Constraint.IsZero():
			return fmt.Errorf("it says no constraint for %s", key)
		case !slices.Contains([]muster.OnDisconnect{muster.FallToAccept, muster.Hold, muster.Stop}, e.OnDisconnect):
			return fmt.Errorf("it says onDisconnect %.20q for %s", e.OnDisconnect, key)
		}
	}
	return nil
}

// snapshot returns what an instance of this version answers by what was saved,
// until it has joined: it stands at the fence, and so do requests that begin now
// and go on when it has joined (G3). Nobody has waited for its acks, so its era
// is older than any sheet, whatever its revision: the registry may be another.
func (s saved) snapshot(version string) *snapshot {
	sheet := muster.Sheet{Service: s.Service, Revision: s.Revision, Features: s.Features}
	for _, refusal := range sheet.Admit(version) {
		// G2: a gate has said that this version is not to be there. It cannot hold a
		// value that it never had, nor serve.
		entry := sheet.Features[refusal.Feature]
		entry.OnDisconnect = muster.FallToAccept
		sheet = sheet.With(refusal.Feature, entry)
	}
	snap := compile(sheet, version, nil, &era{revision: -1, began: time.Now()})
	snap.revision, snap.saved = s.Revision, s.Written
	return snap
}
