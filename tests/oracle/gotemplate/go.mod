module airlock/tests/oracle/gotemplate

go 1.26
