package manifest

import "strings"

// hint suggests the field that was probably meant, or lists them all.
func hint(written string, fields []field) string {
	names := make([]string, len(fields))
	best, least := "", 3 // more typing errors than two are another word
	for i, f := range fields {
		names[i] = f.name
		if n := distance(strings.ToLower(written), strings.ToLower(f.name)); n < least {
			best, least = f.name, n
		}
	}
	if best != "" {
		return ": did you mean " + best + "?"
	}
	return ": the fields are " + strings.Join(names, ", ")
}

// distance counts the letters to insert, remove or replace on the way from a
// to b. It gives up on long words: its cost grows with their product.
func distance(a, b string) int {
	const long = 40
	if len(a) > long || len(b) > long {
		return long
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
