package manifest

import "strings"

// Hint is the end of a message about a name that is not known: it suggests the
// one that was probably meant, or says which there are.
func Hint(written string, names []string) string {
	best, least := "", 3 // more typing errors than two are another word
	for _, name := range names {
		if n := distance(strings.ToLower(written), strings.ToLower(name)); n < least {
			best, least = name, n
		}
	}
	if best != "" {
		return ": did you mean " + best + "?"
	}
	return ": there are " + strings.Join(names, ", ")
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
