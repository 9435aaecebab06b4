// Package wire translates between the words of package muster and the messages
// of package musterv1, in both directions, errors included.
//
// What is read from a message is what was written into it: moments keep their
// nanosecond and come back in UTC, empty maps and lists come back as nil. Text
// that is not UTF-8, as garbage in the registry may be, is made so when it is
// written. What a message says that no word exists for, such as an enum value
// of a newer version, is a [*muster.InvalidError] that names the field; nothing
// is guessed.
//
// Functions named XProto write a message; the function X reads it. They are
// pure and safe for concurrent use.
package wire
