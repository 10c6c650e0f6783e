package postgres_test

const writerVariable = "AZATTEST_TEST_POSTGRES_WRITER"

func write(string) int { return 1 }
