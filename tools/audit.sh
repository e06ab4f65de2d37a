#!/bin/sh
# Looks installed packages up in the index of known weaknesses. Fails where one has any; where the index cannot be
# asked, or does not know a package, says so and goes on: a check of the code must not need the network.
said=$(timeout 90 .venv/bin/pip-audit --local --progress-spinner off --timeout 5 2>&1)
code=$?
if echo "$said" | grep -q "^Found [0-9]* known vulnerabilit"; then
    echo "$said"
    exit 1
fi
unknown=$(echo "$said" | grep -c "could not be audited")
if [ "$code" -ne 0 ]; then
    echo "audit: the index of known weaknesses could not be asked"
elif [ "$unknown" -gt 0 ]; then
    echo "audit: no known weakness; $unknown packages could not be looked up"
else
    echo "audit: no known weakness"
fi
