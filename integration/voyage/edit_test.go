package voyage_test

import (
	"bytes"
	"encoding/binary"
)

// An editor changes packets on their way between a process and the server, and
// thereby the process, from outside.
type editor func(request bool, packet []byte) []byte

// document is how everything begins that muster writes.
const document = `{"format":1,`

// documents returns an editor of the documents in requests, or in answers. Each
// stands in a packet behind its length.
func documents(ofRequests bool, change func([]byte) []byte) editor {
	return func(request bool, packet []byte) []byte {
		if request != ofRequests {
			return packet
		}
		var edited []byte
		for rest := packet; ; {
			at := bytes.Index(rest, []byte(document))
			if at < 4 {
				return append(edited, rest...)
			}
			size := int(binary.BigEndian.Uint32(rest[at-4:]))
			if at+size > len(rest) {
				return append(edited, rest...)
			}
			changed := change(bytes.Clone(rest[at : at+size]))
			edited = append(edited, rest[:at-4]...)
			edited = binary.BigEndian.AppendUint32(edited, uint32(len(changed)))
			edited = append(edited, changed...)
			rest = rest[at+size:]
		}
	}
}

// replaced returns a change of one text for another.
func replaced(old, by string) func([]byte) []byte {
	return func(doc []byte) []byte { return bytes.ReplaceAll(doc, []byte(old), []byte(by)) }
}

// unchecked returns a request in which no check of a path that ends so compares
// versions: a check of a multi is the kind 13, a flag, an error, the path and
// the version.
func unchecked(suffix string) editor {
	head := []byte{0, 0, 0, 13, 0, 0xff, 0xff, 0xff, 0xff}
	return func(request bool, packet []byte) []byte {
		if !request {
			return packet
		}
		packet = bytes.Clone(packet)
		for at := 0; ; {
			next := bytes.Index(packet[at:], head)
			if next < 0 {
				return packet
			}
			at += next + len(head)
			size := int(binary.BigEndian.Uint32(packet[at:]))
			end := at + 4 + size
			if end+4 <= len(packet) && bytes.HasSuffix(packet[at+4:end], []byte(suffix)) {
				binary.BigEndian.PutUint32(packet[end:], 0xffffffff)
			}
		}
	}
}

// forgetful writes what an agent writes of an activation, and not what is
// wanted.
func forgetful(request bool, packet []byte) []byte {
	if !bytes.Contains(packet, []byte(`"action":"activate"`)) {
		return packet
	}
	return documents(true, replaced(`"desired":"on"`, `"desired":"off"`))(request, packet)
}
