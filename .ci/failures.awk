# Prints what failed in the output of "go test", with and without -v, of compilers
# and of linters, with the first lines about it: a long log ends by saying what is
# wrong.
BEGIN { max = 12 }

# With -v a test's lines come when it writes them, between those of others.
function keep(line) { if (n[test] < max) kept[test, n[test]++] = substr(line, 1, 400) }
function forget(name) { n[name] = 0; failed = 0 }
function tell(name,  i) {
  for (i = 0; i < n[name]; i++) print kept[name, i]
  failed = max - n[name]
  n[name] = 0
}

/^=== / { test = $3; failed = 0; next }
/^ *--- FAIL/ {
  print substr($0, 1, 400)
  tell($3)
  next
}
/^ *--- / { forget($3); forget(""); next }
/^(panic|fatal error|FAIL|make: \*\*\*|WARNING: DATA RACE)/ { tell(test); failed = max; print substr($0, 1, 400); next }
/\.go:[0-9]+:([0-9]+:)? / {
  if (failed > 0) { failed--; print substr($0, 1, 400) } else keep($0)
}
