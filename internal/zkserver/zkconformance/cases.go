package zkconformance

// testcase is one conversation. Its name is that of its golden file.
type testcase struct {
	name string
	run  func(*script)
}

func cases() []testcase {
	return []testcase{
		{"create", creating},
		{"paths", paths},
		{"sequence", sequences},
		{"delete", deleting},
		{"data", data},
		{"stat", stats},
		{"ephemeral", ephemerals},
		{"multi", multis},
		{"multi-errors", multiErrors},
		{"acl", acls},
		{"acl-lists", aclLists},
		{"auth", auths},
		{"watch", watches},
		{"watch-order", watchOrder},
		{"watch-restore", watchRestore},
		{"watch-add", watchAdd},
		{"session", sessions},
		{"session-expiry", sessionExpiry},
		{"pipeline", pipeline},
		{"protocol", protocol},
		{"system", system},
		{"info", info},
		{"client", client},
		{"words", words},
	}
}
