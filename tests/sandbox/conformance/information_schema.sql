-- INFORMATION_SCHEMA
--- case: TABLES
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/tables-transact-sql
CREATE TABLE dbo.s1 (id int);
SELECT CASE WHEN TABLE_CATALOG = DB_NAME() THEN 1 END, TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 's1'
=> 1|dbo|s1|BASE TABLE

--- case: COLUMNS
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/columns-transact-sql
CREATE TABLE dbo.s2 (a int NOT NULL DEFAULT 5, b nvarchar(20) NULL, c decimal(9, 3), d varbinary(8), e datetime2(3), f float);
SELECT COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_PRECISION_RADIX, NUMERIC_SCALE, DATETIME_PRECISION FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 's2' ORDER BY ORDINAL_POSITION
=> a|1|((5))|NO|int|NULL|NULL|10|10|0|NULL
=> b|2|NULL|YES|nvarchar|20|40|NULL|NULL|NULL|NULL
=> c|3|NULL|YES|decimal|NULL|NULL|9|10|3|NULL
=> d|4|NULL|YES|varbinary|8|8|NULL|NULL|NULL|NULL
=> e|5|NULL|YES|datetime2|NULL|NULL|NULL|NULL|NULL|3
=> f|6|NULL|YES|float|NULL|NULL|53|2|NULL|NULL

--- case: TABLE_CONSTRAINTS
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/table-constraints-transact-sql
CREATE TABLE dbo.s3 (id int CONSTRAINT pk_s3 PRIMARY KEY, v int CONSTRAINT uq_s3 UNIQUE, w int CONSTRAINT ck_s3 CHECK (w > 0), x int CONSTRAINT fk_s3 REFERENCES dbo.s3);
SELECT CONSTRAINT_NAME, CONSTRAINT_TYPE FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS WHERE TABLE_NAME = 's3' ORDER BY CONSTRAINT_NAME
=> ck_s3|CHECK
=> fk_s3|FOREIGN KEY
=> pk_s3|PRIMARY KEY
=> uq_s3|UNIQUE

--- case: KEY_COLUMN_USAGE
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/key-column-usage-transact-sql
CREATE TABLE dbo.s4 (a int, b int, c int, CONSTRAINT pk_s4 PRIMARY KEY (b, a));
SELECT CONSTRAINT_NAME, COLUMN_NAME, ORDINAL_POSITION FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE WHERE TABLE_NAME = 's4' ORDER BY ORDINAL_POSITION
=> pk_s4|b|1
=> pk_s4|a|2

--- case: REFERENTIAL_CONSTRAINTS
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/referential-constraints-transact-sql
CREATE TABLE dbo.s5 (id int CONSTRAINT pk_s5 PRIMARY KEY);
CREATE TABLE dbo.s6 (id int PRIMARY KEY, p int CONSTRAINT fk_s6 REFERENCES dbo.s5 ON DELETE CASCADE);
SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, UNIQUE_CONSTRAINT_NAME, MATCH_OPTION, UPDATE_RULE, DELETE_RULE FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_NAME = 'fk_s6'
=> dbo|fk_s6|dbo|pk_s5|SIMPLE|NO ACTION|CASCADE

--- case: CHECK_CONSTRAINTS
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/check-constraints-transact-sql
CREATE TABLE dbo.s7 (id int CONSTRAINT ck_s7 CHECK (id > 0));
SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME FROM INFORMATION_SCHEMA.CHECK_CONSTRAINTS WHERE CONSTRAINT_NAME = 'ck_s7'
=> dbo|ck_s7

--- case: SCHEMATA
--- doc: https://learn.microsoft.com/sql/relational-databases/system-information-schema-views/schemata-transact-sql
SELECT SCHEMA_NAME, SCHEMA_OWNER FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME IN ('dbo', 'sys') ORDER BY SCHEMA_NAME
=> dbo|dbo
=> sys|sys
