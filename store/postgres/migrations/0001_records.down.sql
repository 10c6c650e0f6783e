DROP TABLE records;
DROP TABLE revision;
