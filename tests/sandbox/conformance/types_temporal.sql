-- date, time, smalldatetime, datetime, datetime2, datetimeoffset: extremes, rounding, functions
--- case: dates hold their extremes
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/date-transact-sql
CREATE TABLE dbo.d1 (id int, d date, t time, dt datetime, d2 datetime2, o datetimeoffset, s smalldatetime);
INSERT dbo.d1 VALUES (1, '0001-01-01', '00:00:00.0000000', '1753-01-01T00:00:00', '0001-01-01T00:00:00', '0001-01-01T00:00:00+00:00', '1900-01-01T00:00:00'),
                     (2, '9999-12-31', '23:59:59.9999999', '9999-12-31T23:59:59.997', '9999-12-31T23:59:59.9999999', '9999-12-31T23:59:59.9999999+00:00', '2079-06-06T23:59:00');
SELECT id, CONVERT(varchar(30), d, 23), CONVERT(varchar(30), t), CONVERT(varchar(30), dt, 121), CONVERT(varchar(30), d2, 121), CONVERT(varchar(40), o, 121), CONVERT(varchar(30), s, 120) FROM dbo.d1 ORDER BY id
=> 1|0001-01-01|00:00:00.0000000|1753-01-01 00:00:00.000|0001-01-01 00:00:00.0000000|0001-01-01 00:00:00.0000000 +00:00|1900-01-01 00:00:00
=> 2|9999-12-31|23:59:59.9999999|9999-12-31 23:59:59.997|9999-12-31 23:59:59.9999999|9999-12-31 23:59:59.9999999 +00:00|2079-06-06 23:59:00

--- case: datetime rounds to increments of .000, .003 or .007 seconds
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql#rounding-of-datetime-fractional-second-precision
SELECT CONVERT(varchar(30), CAST('1998-01-01 23:59:59.999' AS datetime), 121), CONVERT(varchar(30), CAST('1998-01-01 23:59:59.995' AS datetime), 121), CONVERT(varchar(30), CAST('1998-01-01 23:59:59.994' AS datetime), 121), CONVERT(varchar(30), CAST('1998-01-01 23:59:59.991' AS datetime), 121)
=> 1998-01-02 00:00:00.000|1998-01-01 23:59:59.997|1998-01-01 23:59:59.993|1998-01-01 23:59:59.990

--- case: smalldatetime rounds to the minute
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/smalldatetime-transact-sql
SELECT CONVERT(varchar(30), CAST('2007-05-09 23:32:44' AS smalldatetime), 120), CONVERT(varchar(30), CAST('2007-05-09 12:35:29.998' AS smalldatetime), 120), CONVERT(varchar(30), CAST('2007-05-09 12:35:29.999' AS smalldatetime), 120)
=> 2007-05-09 23:33:00|2007-05-09 12:35:00|2007-05-09 12:36:00

--- case: datetime2, time and datetimeoffset round to their scale
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetime2-transact-sql
SELECT CONVERT(varchar(30), CAST('2016-12-31 23:59:59.9999999' AS datetime2(3)), 121), CONVERT(varchar(30), CAST('12:00:00.12345' AS time(2)), 121), CONVERT(varchar(40), CAST('2016-12-01 10:00:00.55 +02:00' AS datetimeoffset(1)), 121), CONVERT(varchar(30), CAST('2016-12-01 10:00:00.5' AS datetime2(0)), 121)
=> 2017-01-01 00:00:00.000|12:00:00.12|2016-12-01 10:00:00.6 +02:00|2016-12-01 10:00:01

--- case: a datetime2 of scale 0 to 7 in sys.columns
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetime2-transact-sql
CREATE TABLE dbo.d2 (a datetime2(0), b datetime2(3), c datetime2, d time(0), e time(4), f time, g datetimeoffset(0), h datetimeoffset, i date, j datetime, k smalldatetime);
SELECT name, max_length, precision, scale FROM sys.columns WHERE object_id = OBJECT_ID('dbo.d2') ORDER BY column_id
=> a|6|19|0
=> b|7|23|3
=> c|8|27|7
=> d|3|8|0
=> e|4|13|4
=> f|5|16|7
=> g|8|26|0
=> h|10|34|7
=> i|3|10|0
=> j|8|23|3
=> k|4|16|0

--- case: a date that is none is error 241
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('2020-02-30' AS date)
=> error 241 level 16: Conversion failed when converting date and/or time from character string.

--- case: a text out of the range of datetime is error 242
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST('1752-12-31' AS datetime)
=> error 242 level 16: The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.

--- case: a datetime2 out of the range of datetime is error 242
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CAST(CAST('1752-12-31' AS datetime2) AS datetime)
=> error 242 level 16: The conversion of a datetime2 data type to a datetime data type resulted in an out-of-range value.

--- case: date and time do not convert into each other
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
DECLARE @d date = '2020-01-01';
SELECT CAST(@d AS time)
=> error 529 level 16: Explicit conversion from data type date to time is not allowed.

--- case: a time becomes a datetime on 1900-01-01
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/time-transact-sql
DECLARE @t time(4) = '12:15:04.1237';
SELECT CONVERT(varchar(30), CAST(@t AS datetime), 121), CONVERT(varchar(30), CAST(@t AS datetime2), 121), CONVERT(varchar(30), CAST(@t AS smalldatetime), 120)
=> 1900-01-01 12:15:04.123|1900-01-01 12:15:04.1237000|1900-01-01 12:15:00

--- case: an int becomes a datetime, a datetime an int
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CONVERT(varchar(30), CAST(0 AS datetime), 121), CONVERT(varchar(30), CAST(-1 AS datetime), 121), CONVERT(varchar(30), CAST(1.5 AS datetime), 121), CAST(CAST('1900-01-03T12:00:00' AS datetime) AS int), CAST(CAST('1900-01-03T11:59:59' AS datetime) AS int), CAST(CAST('1900-01-03T12:00:00' AS datetime) AS float)
=> 1900-01-01 00:00:00.000|1899-12-31 00:00:00.000|1900-01-02 12:00:00.000|3|2|2.5

--- case: an int is no date
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CAST(0 AS date)
=> error 529 level 16: Explicit conversion from data type int to date is not allowed.

--- case: datetime plus days
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/add-transact-sql
SELECT CONVERT(varchar(30), CAST('2020-02-28' AS datetime) + 2, 121), CONVERT(varchar(30), CAST('2020-03-01T12:00:00' AS datetime) - 0.5, 121)
=> 2020-03-01 00:00:00.000|2020-03-01 00:00:00.000

--- case: datetime minus datetime is a datetime
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/subtract-transact-sql
SELECT CONVERT(varchar(30), CAST('2020-01-02T12:00:00' AS datetime) - CAST('2020-01-01T00:00:00' AS datetime), 121)
=> 1900-01-02 12:00:00.000

--- case: a date takes no number
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/add-transact-sql
SELECT CAST('2020-01-01' AS date) + 1
=> error 206 level 16: Operand type clash: date is incompatible with int

--- case: two datetime2 do not subtract
--- doc: https://learn.microsoft.com/sql/t-sql/language-elements/subtract-transact-sql
SELECT CAST('2020-01-02' AS datetime2) - CAST('2020-01-01' AS datetime2)
=> error 8117 level 16: Operand data type datetime2 is invalid for subtract operator.

--- case: DATEADD stays in the month
--- doc: https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql
SELECT CONVERT(varchar(10), DATEADD(month, 1, CAST('2006-08-30' AS date)), 23), CONVERT(varchar(10), DATEADD(month, 1, CAST('2006-08-31' AS date)), 23), CONVERT(varchar(10), DATEADD(year, 1, CAST('2020-02-29' AS date)), 23), CONVERT(varchar(10), DATEADD(quarter, -1, CAST('2020-05-31' AS date)), 23), CONVERT(varchar(10), DATEADD(week, 2, CAST('2020-01-01' AS date)), 23)
=> 2006-09-30|2006-09-30|2021-02-28|2020-02-29|2020-01-15

--- case: DATEADD of small parts
--- doc: https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql
SELECT CONVERT(varchar(40), DATEADD(nanosecond, 150, CAST('2007-01-01 13:10:10.1111111' AS datetime2)), 121), CONVERT(varchar(40), DATEADD(microsecond, 1, CAST('2007-01-01 13:10:10.1111111' AS datetime2)), 121), CONVERT(varchar(30), DATEADD(millisecond, 1, CAST('2007-01-01' AS datetime)), 121), CONVERT(varchar(30), DATEADD(hour, 25, CAST('12:00' AS time(0))), 108)
=> 2007-01-01 13:10:10.1111113|2007-01-01 13:10:10.1111121|2007-01-01 00:00:00.000|13:00:00

--- case: DATEADD past the range is error 517
--- doc: https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql
SELECT DATEADD(year, 10000, CAST('2006-07-31' AS datetime))
=> error 517 level 16: Adding a value to a 'datetime' column caused an overflow.

--- case: DATEADD of a day to a time is error 9810
--- doc: https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql
SELECT DATEADD(day, 1, CAST('12:00' AS time))
=> error 9810 level 16: The datepart day is not supported by date function dateadd for data type time.

--- case: DATEDIFF counts boundaries
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datediff-transact-sql
SELECT DATEDIFF(year, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000'), DATEDIFF(month, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000'), DATEDIFF(week, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000'), DATEDIFF(day, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000'), DATEDIFF(second, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000'), DATEDIFF(microsecond, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')
=> 1|1|1|1|1|1

--- case: DATEDIFF past the range of int is error 535
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datediff-transact-sql
SELECT DATEDIFF(millisecond, '2000-01-01', '2020-01-01')
=> error 535 level 16: The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.

--- case: DATEDIFF_BIG
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datediff-big-transact-sql
SELECT DATEDIFF_BIG(millisecond, '2000-01-01', '2020-01-01')
=> 631152000000

--- case: DATEPART
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql
SELECT DATEPART(year, '12:10:30.123'), DATEPART(month, '12:10:30.123'), DATEPART(dayofyear, '2007-10-30 12:15:32.1234567 +05:10'), DATEPART(quarter, '2007-10-30'), DATEPART(hour, '2007-10-30 12:15:32.1234567 +05:10'), DATEPART(millisecond, '00:00:01.1234567'), DATEPART(microsecond, '00:00:01.1234567'), DATEPART(nanosecond, '00:00:01.1234567')
=> 1900|1|303|4|12|123|123456|123456700

--- case: DATEPART of weeks
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datepart-transact-sql
SELECT DATEPART(week, CAST('2007-04-21' AS date)), DATEPART(weekday, CAST('2007-04-21' AS date)), DATEPART(iso_week, CAST('2008-12-29' AS date)), DATEPART(iso_week, CAST('2010-01-03' AS date)), DATEPART(tzoffset, CAST('2007-05-10 00:00:01.1234567 +05:10' AS datetimeoffset))
=> 16|7|1|53|310

--- case: DATENAME
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datename-transact-sql
SELECT DATENAME(month, '2007-10-30 12:15:32.1234567 +05:10'), DATENAME(weekday, '2007-10-30'), DATENAME(year, '2007-10-30'), DATENAME(tzoffset, CAST('2007-10-30 12:15:32.1234567 +05:10' AS datetimeoffset))
=> October|Tuesday|2007|+05:10

--- case: YEAR, MONTH, DAY
--- doc: https://learn.microsoft.com/sql/t-sql/functions/year-transact-sql
SELECT YEAR('2010-04-30T01:01:01.1234567'), MONTH(0), DAY(0), YEAR(0)
=> 2010|1|1|1900

--- case: EOMONTH
--- doc: https://learn.microsoft.com/sql/t-sql/functions/eomonth-transact-sql
SELECT CONVERT(varchar(10), EOMONTH('2020-02-10'), 23), CONVERT(varchar(10), EOMONTH('2020-01-31', 1), 23), CONVERT(varchar(10), EOMONTH('2020-01-31', -2), 23), EOMONTH(NULL)
=> 2020-02-29|2020-02-29|2019-11-30|NULL

--- case: dates from parts
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datetimefromparts-transact-sql
SELECT CONVERT(varchar(10), DATEFROMPARTS(2010, 12, 31), 23), CONVERT(varchar(30), DATETIMEFROMPARTS(2010, 12, 31, 23, 59, 59, 0), 121), CONVERT(varchar(40), DATETIME2FROMPARTS(2011, 8, 15, 14, 23, 44, 5, 1), 121), CONVERT(varchar(40), DATETIME2FROMPARTS(2011, 8, 15, 14, 23, 44, 50, 2), 121), CONVERT(varchar(30), TIMEFROMPARTS(14, 23, 44, 500, 3)), DATEFROMPARTS(2010, NULL, 1)
=> 2010-12-31|2010-12-31 23:59:59.000|2011-08-15 14:23:44.5|2011-08-15 14:23:44.50|14:23:44.500|NULL

--- case: more dates from parts
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datetimeoffsetfromparts-transact-sql
SELECT CONVERT(varchar(40), DATETIMEOFFSETFROMPARTS(2010, 12, 31, 14, 23, 23, 0, 12, 0, 7), 121), CONVERT(varchar(40), DATETIMEOFFSETFROMPARTS(2011, 8, 15, 14, 30, 0, 500, -12, -30, 3), 121), CONVERT(varchar(30), SMALLDATETIMEFROMPARTS(2010, 12, 31, 23, 59), 120)
=> 2010-12-31 14:23:23.0000000 +12:00|2011-08-15 14:30:00.500 -12:30|2010-12-31 23:59:00

--- case: parts that make no date are error 289
--- doc: https://learn.microsoft.com/sql/t-sql/functions/datefromparts-transact-sql
SELECT DATEFROMPARTS(2011, 2, 29)
=> error 289 level 16: Cannot construct data type date, some of the arguments have values which are not valid.

--- case: SWITCHOFFSET keeps the instant
--- doc: https://learn.microsoft.com/sql/t-sql/functions/switchoffset-transact-sql
SELECT CONVERT(varchar(40), SWITCHOFFSET(CAST('1998-09-20 7:45:50.71345 -5:00' AS datetimeoffset), '-08:00'), 121), CONVERT(varchar(40), SWITCHOFFSET(CAST('1998-09-20 07:45:50 -05:00' AS datetimeoffset(0)), 60), 121)
=> 1998-09-20 04:45:50.7134500 -08:00|1998-09-20 13:45:50 +01:00

--- case: TODATETIMEOFFSET keeps the local time
--- doc: https://learn.microsoft.com/sql/t-sql/functions/todatetimeoffset-transact-sql
SELECT CONVERT(varchar(40), TODATETIMEOFFSET(CAST('2019-04-22 16:23:51.7666667' AS datetime2), '-05:00'), 121), CONVERT(varchar(40), TODATETIMEOFFSET(CAST('2019-04-22 16:23:51' AS datetime2(0)), 120), 121)
=> 2019-04-22 16:23:51.7666667 -05:00|2019-04-22 16:23:51 +02:00

--- case: AT TIME ZONE 'UTC'
--- doc: https://learn.microsoft.com/sql/t-sql/queries/at-time-zone-transact-sql
SELECT CONVERT(varchar(40), CAST('2020-01-01T12:00:00' AS datetime2(0)) AT TIME ZONE 'UTC', 121), CONVERT(varchar(40), CAST('2020-01-01 12:00:00 +02:00' AS datetimeoffset(0)) AT TIME ZONE 'UTC', 121)
=> 2020-01-01 12:00:00 +00:00|2020-01-01 10:00:00 +00:00

--- case: AT TIME ZONE with daylight saving
--- doc: https://learn.microsoft.com/sql/t-sql/queries/at-time-zone-transact-sql
--- refused: time zones other than UTC
SELECT CONVERT(varchar(40), CAST('2015-07-01T12:00:00' AS datetime2(0)) AT TIME ZONE 'Central European Standard Time', 121)
=> 2015-07-01 12:00:00 +02:00

--- case: datetimeoffset orders by the instant
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetimeoffset-transact-sql
CREATE TABLE dbo.o1 (id int, o datetimeoffset(0));
INSERT dbo.o1 VALUES (1, '2020-01-01 12:00:00 +00:00'), (2, '2020-01-01 12:30:00 +02:00'), (3, '2020-01-01 07:00:00 -05:00');
SELECT id FROM dbo.o1 ORDER BY o, id;
SELECT COUNT(*) FROM dbo.o1 a JOIN dbo.o1 b ON a.o = b.o AND a.id < b.id;
SELECT COUNT(DISTINCT o) FROM dbo.o1
=> 2
=> 1
=> 3
=> ;
=> 1
=> ;
=> 2

--- case: a datetimeoffset loses its offset in a datetime2
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetimeoffset-transact-sql
SELECT CONVERT(varchar(30), CAST(CAST('2020-01-01 12:00:00 +02:00' AS datetimeoffset) AS datetime2(0)), 121), CONVERT(varchar(40), CAST(CAST('2020-01-01T12:00:00' AS datetime) AS datetimeoffset(0)), 121)
=> 2020-01-01 12:00:00|2020-01-01 12:00:00 +00:00

--- case: datetime and datetime2 compare exactly
--- doc: https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql
DECLARE @d datetime = '2016-10-23T12:45:37.333', @d2 datetime2 = '2016-10-23T12:45:37.333';
SELECT CASE WHEN @d = @d2 THEN 'equal' ELSE 'not equal' END
=> not equal

--- case: styles of dates to text
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#date-and-time-styles
DECLARE @d datetime = '2006-04-05T14:07:09.123';
SELECT CONVERT(varchar(40), @d, 0), CONVERT(varchar(40), @d, 1), CONVERT(varchar(40), @d, 101), CONVERT(varchar(40), @d, 102), CONVERT(varchar(40), @d, 103), CONVERT(varchar(40), @d, 104), CONVERT(varchar(40), @d, 105), CONVERT(varchar(40), @d, 106), CONVERT(varchar(40), @d, 107), CONVERT(varchar(40), @d, 108)
=> Apr  5 2006  2:07PM|04/05/06|04/05/2006|2006.04.05|05/04/2006|05.04.2006|05-04-2006|05 Apr 2006|Apr 05, 2006|14:07:09

--- case: more styles of dates to text
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#date-and-time-styles
DECLARE @d datetime = '2006-04-05T14:07:09.123';
SELECT CONVERT(varchar(40), @d, 109), CONVERT(varchar(40), @d, 110), CONVERT(varchar(40), @d, 111), CONVERT(varchar(40), @d, 112), CONVERT(varchar(40), @d, 113), CONVERT(varchar(40), @d, 114), CONVERT(varchar(40), @d, 120), CONVERT(varchar(40), @d, 121), CONVERT(varchar(40), @d, 126), CONVERT(varchar(40), @d, 127)
=> Apr  5 2006  2:07:09:123PM|04-05-2006|2006/04/05|20060405|05 Apr 2006 14:07:09:123|14:07:09:123|2006-04-05 14:07:09|2006-04-05 14:07:09.123|2006-04-05T14:07:09.123|2006-04-05T14:07:09.123

--- case: two-digit years
--- doc: https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-two-digit-year-cutoff-server-configuration-option
SELECT YEAR(CONVERT(datetime, '01/02/49', 1)), YEAR(CONVERT(datetime, '01/02/50', 1)), CONVERT(varchar(10), CONVERT(datetime, '31/12/20', 3), 23)
=> 2049|1950|2020-12-31

--- case: texts that are dates whatever the language
--- doc: https://learn.microsoft.com/sql/t-sql/statements/set-dateformat-transact-sql
SELECT CONVERT(varchar(30), CAST('20200102' AS datetime), 121), CONVERT(varchar(30), CAST('2020-01-02T03:04:05' AS datetime), 121), CONVERT(varchar(30), CAST('20200102 03:04' AS datetime), 121), CONVERT(varchar(30), CAST('Jan 2 2020 3:04PM' AS datetime), 121)
=> 2020-01-02 00:00:00.000|2020-01-02 03:04:05.000|2020-01-02 03:04:00.000|2020-01-02 15:04:00.000

--- case: an unknown style is error 281
--- doc: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-0-to-999
SELECT CONVERT(varchar(30), CAST('2020-01-01' AS datetime), 99)
=> error 281 level 16: 99 is not a valid style number when converting from datetime to a character string.

--- case: a datetime as binary
--- doc: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions
SELECT CAST(CAST('1900-01-02T00:00:00' AS datetime) AS binary(8)), CONVERT(varchar(30), CAST(0x0000000100000000 AS datetime), 121)
=> 0x0000000100000000|1900-01-02 00:00:00.000

--- case: the types of the current time
--- doc: https://learn.microsoft.com/sql/t-sql/functions/getdate-transact-sql
SELECT CAST(SQL_VARIANT_PROPERTY(GETDATE(), 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(SYSDATETIME(), 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(SYSDATETIMEOFFSET(), 'BaseType') AS varchar(20)), CAST(SQL_VARIANT_PROPERTY(CURRENT_TIMESTAMP, 'BaseType') AS varchar(20))
=> datetime|datetime2|datetimeoffset|datetime
