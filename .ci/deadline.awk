# Exits with 0 if all that the output of "go test -fuzz" says of a failure is that
# the time for fuzzing was up. A target that runs a gateway shows its log then.
state == "" && /^(fuzz: elapsed: |warning: starting with empty corpus)/ { next }
state == "" && /^--- FAIL: / { state = "failed"; next }
state == "failed" && $0 == "    context deadline exceeded" { state = "deadline"; next }
state == "deadline" && (/^    gateway\.go:[0-9]+: (the end of the gateway's log|and other lines):/ || /^        /) { next }
state == "deadline" && (/^FAIL/ || $0 == "exit status 1") { next }
{ other = 1 }
END { exit !(state == "deadline" && !other) }
