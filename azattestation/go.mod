module github.com/azattest/azattest/azattestation

go 1.26.0
