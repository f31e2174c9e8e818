# Prints what failed in the output of "go test", with and without -v, of compilers
# and of linters, with the first lines about it: a long log ends by saying what is
# wrong.
BEGIN { max = 12 }

function keep(line) { if (n < max) kept[n++] = substr(line, 1, 400) }
function tell(  i) { for (i = 0; i < n; i++) print kept[i]; failed = max - n; n = 0 }

/^=== / { n = 0; failed = 0; next }
/^ *--- FAIL/ {
  print substr($0, 1, 400)
  tell()
  next
}
/^ *--- / { n = 0; failed = 0; next }
/^(panic|fatal error|FAIL|make: \*\*\*|WARNING: DATA RACE)/ { tell(); failed = max; print substr($0, 1, 400); next }
/\.go:[0-9]+:([0-9]+:)? / {
  if (failed > 0) { failed--; print substr($0, 1, 400) } else keep($0)
}
