// A session of npm's tedious, which has its own implementation of TDS.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { Connection, Request, TYPES, ISOLATION_LEVEL } = require('tedious');

const { SANDBOX_PORT, SANDBOX_PASSWORD, SANDBOX_PROTECTION, SANDBOX_AUTHORITY } = process.env;

function connect(database, more = {}) {
  const options = {
    port: Number(SANDBOX_PORT),
    database,
    encrypt: { plain: false, encrypted: true, strict: 'strict' }[SANDBOX_PROTECTION],
    trustServerCertificate: false,
    requestTimeout: 30000,
    ...more,
  };
  if (SANDBOX_AUTHORITY) options.cryptoCredentialsDetails = { ca: fs.readFileSync(SANDBOX_AUTHORITY) };
  const authentication = { type: 'default', options: { userName: 'sa', password: SANDBOX_PASSWORD } };
  const connection = new Connection({ server: 'localhost', authentication, options });
  connection.messages = [];
  connection.on('infoMessage', (message) => connection.messages.push(message));
  connection.on('errorMessage', (message) => connection.messages.push(message));
  return new Promise((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve(connection))));
}

// Whatever a request answers.
function record(request) {
  const answer = { sets: [], done: [], returned: {}, status: undefined };
  request.on('columnMetadata', (columns) => answer.sets.push({ columns, rows: [] }));
  request.on('row', (row) => answer.sets.at(-1).rows.push(row.map((column) => column.value)));
  for (const kind of ['done', 'doneInProc', 'doneProc']) {
    request.on(kind, (rows, more, status) => {
      if (rows !== undefined) answer.done.push(rows);
      if (kind === 'doneProc') answer.status = status;
    });
  }
  request.on('returnValue', (name, value) => (answer.returned[name] = value));
  return answer;
}

function run(connection, sql, parameters = [], { how = 'execSql', outputs = [], before, during } = {}) {
  return new Promise((resolve, reject) => {
    const request = new Request(sql, (error, rows) => {
      if (error) reject(error);
      else resolve({ ...answer, rows });
    });
    const answer = record(request);
    for (const [name, type, value, options] of parameters) request.addParameter(name, type, value, options);
    for (const [name, type, value, options] of outputs) request.addOutputParameter(name, type, value, options);
    connection.messages.length = 0;
    if (before) before(request);
    connection[how](request);
    if (during) during(request);
  });
}

const batch = (connection, sql) => run(connection, sql, [], { how: 'execSqlBatch' });
const rows = async (connection, sql, parameters) => (await run(connection, sql, parameters)).sets[0].rows;
const promise = (call) => new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));

async function fails(connection, sql, how) {
  await assert.rejects(run(connection, sql, [], { how }), undefined, sql);
  const { number, class: severity, state, lineNumber, message } = connection.messages.find((one) => one.class > 10);
  return [number, severity, state, lineNumber, message];
}

const utc = (...parts) => new Date(Date.UTC(...parts));
// Name, declaration in T-SQL, type, value to send, the same value in T-SQL, facets for a parameter or a bulk column.
const COLUMNS = [
  ['a_bit', 'bit', TYPES.Bit, true, '1'],
  ['a_tinyint', 'tinyint', TYPES.TinyInt, 255, '255'],
  ['a_smallint', 'smallint', TYPES.SmallInt, -32768, '-32768'],
  ['a_int', 'int', TYPES.Int, -2147483648, '-2147483648'],
  ['a_bigint', 'bigint', TYPES.BigInt, 9223372036854775807n, '9223372036854775807'],
  ['a_decimal', 'decimal(38,10)', TYPES.Decimal, 1234.5, '1234.5', { precision: 38, scale: 10 }],
  ['a_numeric', 'numeric(9,2)', TYPES.Numeric, -1234567.89, '-1234567.89', { precision: 9, scale: 2 }],
  ['a_money', 'money', TYPES.Money, -1234.5678, 'CAST(-1234.5678 AS money)'],
  ['a_smallmoney', 'smallmoney', TYPES.SmallMoney, 214748.3647, 'CAST(214748.3647 AS smallmoney)'],
  ['a_real', 'real', TYPES.Real, -1.5, '-1.5E0'],
  ['a_float', 'float', TYPES.Float, 0.1, '1E-1'],
  ['a_date', 'date', TYPES.Date, utc(9999, 11, 31), "'9999-12-31'"],
  ['a_time', 'time(7)', TYPES.Time, utc(1970, 0, 1, 23, 59, 59, 999), "'23:59:59.999'", { scale: 7 }],
  ['a_datetime', 'datetime', TYPES.DateTime, utc(2024, 1, 29, 1, 2, 3, 3), "'2024-02-29T01:02:03.003'"],
  ['a_smalldatetime', 'smalldatetime', TYPES.SmallDateTime, utc(2024, 1, 29, 1, 2), "'2024-02-29T01:02:00'"],
  ['a_datetime2', 'datetime2(7)', TYPES.DateTime2, utc(2024, 1, 29, 1, 2, 3, 4), "'2024-02-29T01:02:03.004'", { scale: 7 }],
  ['a_datetimeoffset', 'datetimeoffset(3)', TYPES.DateTimeOffset, utc(2024, 1, 29, 1, 2, 3, 4), "'2024-02-29T01:02:03.004Z'", { scale: 3 }],
  ['a_char', 'char(5)', TYPES.Char, 'ab   ', "'ab'", { length: 5 }],
  ['a_varchar', 'varchar(50)', TYPES.VarChar, 'Grüße €', "'Grüße €'", { length: 50 }],
  ['a_varcharmax', 'varchar(max)', TYPES.VarChar, 'ÿ'.repeat(9000), "REPLICATE(CAST('ÿ' AS varchar(max)), 9000)", { length: Infinity }],
  ['a_nchar', 'nchar(5)', TYPES.NChar, '日本   ', "N'日本'", { length: 5 }],
  ['a_nvarchar', 'nvarchar(50)', TYPES.NVarChar, '𝄞 clef', "N'𝄞 clef'", { length: 50 }],
  ['a_nvarcharmax', 'nvarchar(max)', TYPES.NVarChar, '𝄞'.repeat(5000), "REPLICATE(CAST(N'𝄞' AS nvarchar(max)), 5000)", { length: Infinity }],
  ['a_binary', 'binary(4)', TYPES.Binary, Buffer.from([1, 2, 0, 0]), '0x01020000', { length: 4 }],
  ['a_varbinary', 'varbinary(50)', TYPES.VarBinary, Buffer.from([0, 255, 0]), '0x00FF00', { length: 50 }],
  ['a_varbinarymax', 'varbinary(max)', TYPES.VarBinary, Buffer.alloc(10000, 7), "CAST(REPLICATE(CAST(CHAR(7) AS varchar(max)), 10000) AS varbinary(max))", { length: Infinity }],
  ['a_uniqueidentifier', 'uniqueidentifier', TYPES.UniqueIdentifier, '6F9619FF-8B86-D011-B42D-00C04FC964FF', "'6F9619FF-8B86-D011-B42D-00C04FC964FF'"],
  ['a_text', 'text', TYPES.Text, 'Grüße', "'Grüße'"],
  ['a_ntext', 'ntext', TYPES.NText, '𝄞 clef', "N'𝄞 clef'"],
  ['a_image', 'image', TYPES.Image, Buffer.from([0, 255]), '0x00FF'],
];
// Types whose values cannot be compared, and those that can be which they convert to.
const COMPARED_AS = { text: 'varchar(max)', ntext: 'nvarchar(max)', image: 'varbinary(max)' };
const isSame = (column, ty, literal) => (COMPARED_AS[ty] ? `CAST(${column} AS ${COMPARED_AS[ty]}) = ${literal}` : `${column} = ${literal}`);
const names = COLUMNS.map(([name]) => name).join(', ');
const parameters = COLUMNS.map(([name, , type, value, , facets]) => [name, type, value, finite(facets)]);
const nulls = COLUMNS.map(([name, , type, , , facets]) => [name, type, null, finite(facets)]);
const values = COLUMNS.map(([, , , value]) => (typeof value === 'bigint' ? String(value) : value));
const ofNothing = COLUMNS.map(() => null);
// True in T-SQL for the row of the values.
const same = COLUMNS.map(([name, ty, , , literal]) => isSame(name, ty, literal)).join(' AND ');

// A parameter's length follows from its value where the declaration says max.
function finite(facets) {
  return facets && facets.length === Infinity ? undefined : facets;
}

function table(name) {
  return `CREATE TABLE ${name} (id int IDENTITY PRIMARY KEY, ${COLUMNS.map(([column, type]) => `${column} ${type} NULL`).join(', ')})`;
}

let session;
const steps = {
  async 'connect'() {
    const first = await connect('master');
    assert.equal((await rows(first, 'SELECT CAST(DB_NAME() AS varchar(20))'))[0][0], 'master');
    first.close();
    session = await connect('master');
    await batch(session, 'CREATE DATABASE shop');
    await batch(session, 'USE shop');
    assert.equal(session.messages[0].number, 5701);
  },
  async 'wrong password'() {
    const authentication = { type: 'default', options: { userName: 'sa', password: 'guess' } };
    const options = { ...session.config.options, database: 'shop' };
    const refused = new Connection({ server: 'localhost', authentication, options });
    const errors = [];
    refused.on('errorMessage', (message) => errors.push([message.number, message.class]));
    await assert.rejects(promise((done) => refused.connect(done)), { code: 'ELOGIN' });
    assert.deepEqual(errors, [[18456, 14]]);
  },
  async 'create a table'() {
    await batch(session, table('every'));
  },
  async 'parameters of every type'() {
    const slots = COLUMNS.map(([name]) => `@${name}`).join(', ');
    const inserted = await run(session, `INSERT every (${names}) VALUES (${slots})`, parameters);
    assert.equal(inserted.rows, 1);
    await run(session, `INSERT every (${names}) VALUES (${slots})`, nulls);
    assert.deepEqual(await rows(session, `SELECT ${names} FROM every ORDER BY id`), [values, ofNothing]);
    assert.deepEqual(await rows(session, `SELECT id FROM every WHERE ${same}`), [[1]]);
    for (const [name, ty, type, value, literal, facets] of COLUMNS) {
      const [[back, equal]] = await rows(session, `SELECT @v, IIF(${isSame('@v', ty, literal)}, 1, 0)`, [['v', type, value, finite(facets)]]);
      assert.deepEqual([back, equal], [typeof value === 'bigint' ? String(value) : value, 1], name);
    }
  },
  async 'types that it only reads'() {
    await batch(session, "CREATE TABLE read_only (x xml, v sql_variant, r rowversion, twice AS 2 * 3)");
    await batch(session, "INSERT read_only (x, v) VALUES (N'<a>ž</a>', CAST(N'ž' AS sql_variant)), (NULL, CAST(5 AS sql_variant))");
    const found = await rows(session, 'SELECT x, v, r, twice FROM read_only ORDER BY r');
    assert.deepEqual(found.map(([x, v, , twice]) => [x, v, twice]), [['<a>ž</a>', 'ž', 6], [null, 5, 6]]);
    assert.ok(Buffer.compare(found[0][2], found[1][2]) < 0);
    for (const [literal, value] of [
      ['CAST(1.5 AS decimal(5,2))', 1.5], ['0x0102', Buffer.from([1, 2])], ["CAST('2024-01-02' AS date)", utc(2024, 0, 2)],
      ['CAST(1 AS bit)', true], ['CAST(2.5 AS float)', 2.5], ['CAST(NULL AS int)', null],
    ]) assert.deepEqual(await rows(session, `SELECT CAST(${literal} AS sql_variant)`), [[value]]);
  },
  async 'metadata'() {
    const { sets } = await run(session, 'SELECT id, a_decimal, a_nvarchar, a_varbinarymax FROM every WHERE 1 = 0');
    const found = sets[0].columns.map(({ colName, type, flags, precision, scale, dataLength }) =>
      [colName, type.name, flags & 0x11, precision, scale, dataLength]);
    assert.deepEqual(found, [
      ['id', 'Int', 0x10, undefined, undefined, undefined],
      ['a_decimal', 'DecimalN', 1, 38, 10, 17],
      ['a_nvarchar', 'NVarChar', 1, undefined, undefined, 100],
      ['a_varbinarymax', 'VarBinary', 1, undefined, undefined, 65535],
    ]);
  },
  async 'output parameters and status'() {
    const sql = 'SET @double = @one * 2; SET @text = REPLICATE(@text, 2); SELECT @double AS seen; RETURN 7';
    const outputs = [['double', TYPES.Int], ['text', TYPES.NVarChar, 'ab', { length: 20 }]];
    const answer = await run(session, sql, [['one', TYPES.Int, 21]], { outputs });
    assert.deepEqual([answer.returned, answer.status, answer.sets[0].rows], [{ double: 42, text: 'abab' }, 7, [[42]]]);
    const called = await run(session, 'sp_executesql', [
      ['statement', TYPES.NVarChar, 'SELECT @a + 1 AS next'], ['params', TYPES.NVarChar, '@a int'], ['a', TYPES.Int, 5],
    ], { how: 'callProcedure' });
    assert.deepEqual(called.sets[0].rows, [[6]]);
  },
  async 'stored procedure'() {
    await batch(session, `CREATE PROCEDURE dbo.raise_price @by decimal(9,2), @text nvarchar(20) = N'none', @total decimal(9,2) OUTPUT AS
      BEGIN SELECT @by AS raised_by, @text AS text; SET @total = @by * 2; PRINT 'in it'; RETURN 3 END`);
    const outputs = [['total', TYPES.Decimal, null, { precision: 9, scale: 2 }]];
    const answer = await run(session, 'dbo.raise_price', [['by', TYPES.Decimal, 1.25, { precision: 9, scale: 2 }]], { how: 'callProcedure', outputs });
    assert.deepEqual([answer.sets[0].rows, answer.returned, answer.status], [[[1.25, 'none']], { total: 2.5 }, 3]);
    assert.equal(session.messages[0].message, 'in it');
    await assert.rejects(run(session, 'dbo.raise_price', [], { how: 'callProcedure' }), { number: 201 });
    await assert.rejects(run(session, 'dbo.missing', [], { how: 'callProcedure' }), { number: 2812 });
  },
  async 'table-valued parameter'() {
    const table = { name: 'ids', schema: 'dbo', columns: [{ name: 'a', type: TYPES.Int }], rows: [[1], [2]] };
    await assert.rejects(run(session, 'SELECT a FROM @t', [['t', TYPES.TVP, table]]), { number: 50000, message: /^sandbox: not supported/ });
    assert.deepEqual(await rows(session, 'SELECT 5'), [[5]]);
  },
  async 'several results, counts and messages'() {
    const sql = "PRINT N'žluť'; SELECT 1 AS a; UPDATE every SET a_int = 5; SELECT 'x' AS b WHERE 1 = 0; RAISERROR('note %d', 5, 3, 4)";
    const answer = await batch(session, sql);
    assert.deepEqual(answer.sets.map((set) => [set.columns[0].colName, set.rows]), [['a', [[1]]], ['b', []]]);
    assert.deepEqual(answer.done, [1, 2, 0]);
    const said = session.messages.map(({ number, class: severity, state, message }) => [number, severity, state, message]);
    assert.deepEqual(said, [[0, 0, 1, 'žluť'], [50000, 5, 3, 'note 4']]);
  },
  async 'errors'() {
    const duplicate = "CREATE TABLE once (id int CONSTRAINT pk_once PRIMARY KEY); INSERT once VALUES (1);\nINSERT once VALUES (1)";
    const [number, severity, state, line, message] = await fails(session, duplicate, 'execSqlBatch');
    assert.deepEqual([number, severity, state, line], [2627, 14, 1, 2]);
    assert.match(message, /^Violation of PRIMARY KEY constraint 'pk_once'\./);
    for (const how of ['execSql', 'execSqlBatch']) {
      assert.deepEqual((await fails(session, 'SELECT 1/0', how)).slice(0, 4), [8134, 16, 1, 1]);
      assert.deepEqual((await fails(session, '\n\nSELECT * FROM missing', how)).slice(0, 4), [208, 16, 1, 3]);
      assert.deepEqual(await fails(session, "RAISERROR('own', 17, 3)", how), [50000, 17, 3, 1, 'own']);
      assert.deepEqual(await fails(session, "THROW 51000, 'thrown', 2", how), [51000, 16, 2, 1, 'thrown']);
    }
    const late = await batch(session, 'SELECT 1 AS a').then(() => run(session, "SELECT 2 AS a; INSERT once VALUES (1); SELECT 3 AS a").catch((error) => error));
    assert.equal(late.number, 2627);
    assert.deepEqual(await rows(session, 'SELECT COUNT(*) FROM once'), [[1]]);
  },
  async 'prepared statement'() {
    let finish;
    const request = new Request('SELECT @a + 1 AS next, @b AS b', (error, count) => finish(error, count));
    request.addParameter('a', TYPES.Int);
    request.addParameter('b', TYPES.NVarChar);
    await new Promise((resolve, reject) => {
      finish = (error) => error && reject(error);
      request.once('prepared', resolve);
      session.prepare(request);
    });
    const answer = record(request);
    for (const a of [1, 2, 3]) await promise((done) => { finish = done; session.execute(request, { a, b: `v${a}` }); });
    assert.deepEqual(answer.sets.map((set) => set.rows), [[[2, 'v1']], [[3, 'v2']], [[4, 'v3']]]);
    await promise((done) => { finish = done; session.unprepare(request); });
    await assert.rejects(promise((done) => { finish = done; session.execute(request, { a: 1, b: '' }); }), { number: 8179 });
  },
  async 'transactions'() {
    const begin = (...more) => promise((done) => session.beginTransaction(done, ...more));
    const save = (name) => promise((done) => session.saveTransaction(done, name));
    const rollback = (name) => promise((done) => session.rollbackTransaction(done, name));
    const state = async () => (await rows(session, 'SELECT COUNT(*), @@TRANCOUNT FROM once'))[0];
    await begin();
    await run(session, 'INSERT once VALUES (2)');
    assert.deepEqual(await state(), [2, 1]);
    await rollback();
    assert.deepEqual(await state(), [1, 0]);
    await begin('named', ISOLATION_LEVEL.SERIALIZABLE);
    const level = 'SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID';
    assert.deepEqual(await rows(session, level), [[4]]);
    await run(session, 'INSERT once VALUES (3)');
    await save('half');
    await run(session, 'INSERT once VALUES (4)');
    await rollback('half');
    assert.deepEqual(await state(), [2, 1]);
    await promise((done) => session.commitTransaction(done));
    assert.deepEqual(await state(), [2, 0]);
    await batch(session, 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
  },
  async 'cancel a statement that waits'() {
    const started = Date.now();
    const waiting = run(session, "WAITFOR DELAY '00:01:00'", [], { how: 'execSqlBatch', during: (request) => setTimeout(() => request.cancel(), 100) });
    await assert.rejects(waiting, { code: 'ECANCEL' });
    assert.ok(Date.now() - started < 20000, 'the attention is answered long before the wait is over');
    assert.deepEqual(await rows(session, 'SELECT 5'), [[5]]);
  },
  async 'cancel a result half read'() {
    let seen = 0;
    const endless = `SELECT a.object_id FROM ${'abcdefgh'.split('').map((alias) => `sys.all_columns ${alias}`).join(' CROSS JOIN ')}`;
    const reading = run(session, endless, [], { during: (request) => request.on('row', () => ++seen === 100 && request.cancel()) });
    await assert.rejects(reading, { code: 'ECANCEL' });
    assert.ok(seen >= 100);
    assert.deepEqual(await rows(session, 'SELECT 5'), [[5]]);
  },
  async 'timeout'() {
    const waiting = run(session, "WAITFOR DELAY '00:01:00'", [], { how: 'execSqlBatch', before: (request) => request.setTimeout(150) });
    await assert.rejects(waiting, { code: 'ETIMEOUT' });
    assert.deepEqual(await rows(session, 'SELECT 5'), [[5]]);
  },
  async 'large values'() {
    // Encryption in an unoptimised build takes its time.
    const size = SANDBOX_PROTECTION === 'plain' ? 10_000_000 : 1_000_000;
    const text = 'ž'.repeat(size / 20);
    const bytes = Buffer.alloc(size, 0xab);
    await batch(session, 'CREATE TABLE large (t nvarchar(max), b varbinary(max))');
    await run(session, 'INSERT large VALUES (@t, @b)', [['t', TYPES.NVarChar, text], ['b', TYPES.VarBinary, bytes]]);
    const [[t, b, units, stored]] = await rows(session, 'SELECT t, b, LEN(t), DATALENGTH(b) FROM large');
    assert.deepEqual([t === text, b.equals(bytes), Number(units), Number(stored)], [true, true, size / 20, size]);
  },
  async 'bulk load'() {
    await batch(session, table('loaded'));
    const count = await promise((done) => {
      const load = session.newBulkLoad('loaded', { keepNulls: true }, done);
      for (const [name, , type, , , facets] of COLUMNS) load.addColumn(name, type, { nullable: true, ...facets });
      session.execBulkLoad(load, (function* () {
        const native = COLUMNS.map(([, , , value]) => value);
        for (let i = 0; i < 100; i++) yield i % 2 ? ofNothing : native;
      })());
    });
    assert.equal(count, 100);
    assert.deepEqual(await rows(session, `SELECT COUNT(*), COUNT(a_bit), SUM(IIF(${same}, 1, 0)) FROM loaded`), [[100, 50, 50]]);
    assert.deepEqual(await rows(session, `SELECT ${names} FROM loaded WHERE id <= 2 ORDER BY id`), [values, ofNothing]);
  },
  async 'bulk load that breaks a constraint leaves nothing'() {
    const loading = promise((done) => {
      const load = session.newBulkLoad('once', done);
      load.addColumn('id', TYPES.Int, { nullable: false });
      session.execBulkLoad(load, [[50], [51], [1]]);
    });
    await assert.rejects(loading, { number: 2627 });
    assert.deepEqual(await rows(session, 'SELECT COUNT(*) FROM once WHERE id >= 50'), [[0]]);
  },
  async 'reset'() {
    await batch(session, 'CREATE TABLE #mine (a int); SET LOCK_TIMEOUT 5');
    await promise((done) => session.reset(done));
    const left = "SELECT OBJECT_ID('tempdb..#mine'), @@LOCK_TIMEOUT, @@TRANCOUNT, CAST(DB_NAME() AS varchar(20))";
    assert.deepEqual(await rows(session, left), [[null, -1, 0, 'master']]);
    await batch(session, 'USE shop');
    assert.deepEqual(await rows(session, 'SELECT COUNT(*) FROM once'), [[2]]);
  },
};

(async () => {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
    } catch (error) {
      console.error(`step '${name}' failed:`, error);
      process.exit(1);
    }
    console.log(name);
  }
  session.close();
})();
