use super::*;
use crate::catalog::{ForeignKey, TableColumn};
use crate::design::{Check, DefaultValue, Index, Reference, Trigger};
use proto::{ArticleOptions, Capture, ColumnType};

fn name(schema: &str, table: &str) -> TableName {
    TableName { schema: schema.to_owned(), table: table.to_owned() }
}

fn everything() -> SchemaOptions {
    SchemaOptions {
        unique_keys: true,
        foreign_keys: true,
        checks: true,
        defaults: true,
        clustered_index: true,
        nonclustered_indexes: true,
        identity: true,
        triggers: true,
        collation: true,
    }
}

/// A table `dbo.<table>` with columns of type `int`, the first one its key; those of `published` are.
fn published(table: &str, columns: &[&str], published: &[&str]) -> Published {
    let all: Vec<TableColumn> = columns
        .iter()
        .enumerate()
        .map(|(i, name)| TableColumn {
            nullable: i > 0,
            key_ordinal: (i == 0).then_some(0),
            ..TableColumn::new(name, Ok(ColumnType::Int))
        })
        .collect();
    let columns = all.iter().filter(|c| published.contains(&c.name.as_str()));
    let columns = columns.map(|c| c.published().expect("an int can be published")).collect();
    let article = Article {
        options: ArticleOptions { schema: everything(), ..ArticleOptions::default() },
        ..Article::new("p", name("dbo", table), columns, Capture::default())
    };
    let table = Table { object_id: 1, name: name("dbo", table), is_tracked_by_cdc: true, columns: all };
    let primary_key = index("pk", Purpose::PrimaryKey, &[(columns_first(&article), false)]);
    Published { article, table, design: Design { indexes: vec![primary_key], ..Design::default() } }
}

fn columns_first(article: &Article) -> &str {
    &article.columns[0].name
}

fn index(name: &str, purpose: Purpose, columns: &[(&str, bool)]) -> Index {
    Index {
        name: name.to_owned(),
        is_system_named: false,
        purpose,
        clustered: purpose == Purpose::PrimaryKey,
        kind: if purpose == Purpose::PrimaryKey { "CLUSTERED" } else { "NONCLUSTERED" }.to_owned(),
        unique: purpose != Purpose::Index,
        ignores_duplicates: false,
        disabled: false,
        columns: columns.iter().map(|(name, descending)| ((*name).to_owned(), *descending)).collect(),
        included: Vec::new(),
        filter: None,
    }
}

fn of(published: &Published) -> Scripts {
    scripts(published, std::slice::from_ref(published), &[])
}

#[test]
fn names_are_quoted_wherever_they_stand() {
    let mut t = published("t", &["a]b", "c'd"], &["a]b", "c'd"]);
    t.article.destination = name("we]ird", "t");
    t.article.columns[1].column_type = ColumnType::NVarChar(None);
    t.article.columns[1].collation = Some("Latin1_General_CI_AS; DROP".to_owned());
    assert_eq!(
        of(&t).before,
        "IF SCHEMA_ID(N'we]ird') IS NULL EXEC (N'CREATE SCHEMA [we]]ird]')\nGO\n\
         IF OBJECT_ID(N'[we]]ird].[t]') IS NULL\nCREATE TABLE [we]]ird].[t] (\n    [a]]b] int NOT NULL,\n    \
         [c'd] nvarchar(max) COLLATE Latin1_General_CI_ASDROP NULL,\n    PRIMARY KEY CLUSTERED ([a]]b])\n)\n"
    );
}

#[test]
fn the_table_has_what_the_options_ask_for() {
    let mut t = published("t", &["a", "b"], &["a", "b"]);
    t.article.columns[0].identity = Some(Identity { seed: 7, increment: -2 });
    t.article.columns[1].collation = Some("Latin1_General_CI_AS".to_owned());
    t.design.indexes[0].columns[0].1 = true;
    let text = of(&t).before;
    for part in ["IDENTITY(7, -2)", "COLLATE Latin1", "CONSTRAINT [pk] PRIMARY KEY CLUSTERED ([a] DESC)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    t.article.options.schema.identity = false;
    t.article.options.schema.collation = false;
    let text = of(&t).before;
    for part in ["IDENTITY", "COLLATE"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
}

#[test]
fn computed_sparse_and_identity_columns_are_what_they_were() {
    let mut t = published("t", &["id", "note"], &["id", "note"]);
    t.article.columns[0].identity = Some(Identity { seed: -5, increment: 10 });
    t.article.columns[1].sparse = true;
    t.article.columns[1].column_type = ColumnType::NVarChar(Some(9));
    t.article.columns[1].collation = Some("Latin1_General_BIN2".to_owned());
    let computed = |name: &str, persisted, nullable| ComputedColumn {
        name: name.to_owned(),
        definition: "([id]+(1))".to_owned(),
        persisted,
        nullable,
    };
    t.article.computed = vec![computed("a", false, true), computed("b", true, true), computed("c]", true, false)];
    let script = of(&t).before;
    let expected = "    [id] int IDENTITY(-5, 10) NOT FOR REPLICATION NOT NULL,\n    \
         [note] nvarchar(9) COLLATE Latin1_General_BIN2 SPARSE NULL,\n    [a] AS ([id]+(1)),\n    \
         [b] AS ([id]+(1)) PERSISTED,\n    [c]]] AS ([id]+(1)) PERSISTED NOT NULL,\n    CONSTRAINT [pk] PRIMARY KEY";
    assert!(script.contains(expected), "{script}");
}

#[test]
fn indexes_come_with_order_included_columns_and_filter() {
    let mut t = published("t", &["a", "b", "c", "secret"], &["a", "b", "c"]);
    let mut filtered = index("ix", Purpose::Index, &[("b", true), ("c", false)]);
    filtered.included = vec!["a".to_owned()];
    filtered.filter = Some("([c]>(0))".to_owned());
    let mut hidden = index("hidden", Purpose::Index, &[("b", false)]);
    hidden.filter = Some("([secret]='[b]')".to_owned());
    let mut other = index("cci", Purpose::Index, &[("b", false)]);
    other.kind = "NONCLUSTERED COLUMNSTORE".to_owned();
    let unpublished = index("secret", Purpose::UniqueKey, &[("secret", false)]);
    t.design.indexes.extend([filtered, hidden, other, unpublished, index("uq", Purpose::UniqueKey, &[("c", true)])]);
    let made = of(&t);
    assert_eq!(
        made.after,
        "IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[dbo].[t]') AND name = N'ix')\n\
         CREATE NONCLUSTERED INDEX [ix] ON [dbo].[t] ([b] DESC, [c]) INCLUDE ([a]) WHERE ([c]>(0))\nGO\n\
         IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[dbo].[t]') AND name = N'uq')\n\
         ALTER TABLE [dbo].[t] ADD CONSTRAINT [uq] UNIQUE NONCLUSTERED ([c] DESC)\nGO\n"
    );
    assert_eq!(
        made.left_out,
        [
            "index hidden of dbo.t is left out: column secret is not published",
            "index cci of dbo.t is left out: indexes of kind NONCLUSTERED COLUMNSTORE are not scripted",
            "index secret of dbo.t is left out: column secret is not published",
        ]
    );
    t.article.options.schema.unique_keys = false;
    t.article.options.schema.nonclustered_indexes = false;
    assert_eq!(of(&t).after, "");
}

#[test]
fn checks_and_defaults_stand_as_far_as_they_can() {
    let mut t = published("t", &["a", "b", "secret"], &["a", "b"]);
    let check = |name: &str, definition: &str| Check {
        name: name.to_owned(),
        definition: definition.to_owned(),
        disabled: false,
        untrusted: false,
        not_for_replication: false,
    };
    t.design.checks = vec![
        check("plain", "([b]>(0))"),
        Check { untrusted: true, not_for_replication: true, ..check("nfr", "([b]<(9))") },
        Check { disabled: true, ..check("off", "([b]<>(5))") },
        check("secret", "([secret]>[b])"),
        check("function", "([dbo].[f]([b])=(1))"),
    ];
    let default = |name: &str, column: &str, definition: &str| DefaultValue {
        name: name.to_owned(),
        column: column.to_owned(),
        definition: definition.to_owned(),
    };
    t.design.defaults = vec![
        default("df", "b", "(getdate())"),
        default("seq", "a", "(NEXT VALUE FOR [dbo].[s])"),
        default("df_secret", "secret", "((0))"),
    ];
    let made = of(&t);
    let missing =
        "IF NOT EXISTS (SELECT 1 FROM sys.objects WHERE parent_object_id = OBJECT_ID(N'[dbo].[t]') AND name =";
    assert_eq!(
        made.after,
        format!(
            "{missing} N'plain')\nALTER TABLE [dbo].[t] ADD CONSTRAINT [plain] CHECK ([b]>(0))\nGO\n\
             {missing} N'nfr')\nALTER TABLE [dbo].[t] WITH NOCHECK ADD CONSTRAINT [nfr] CHECK NOT FOR REPLICATION \
             (SESSION_CONTEXT(N'replication') IS NOT NULL OR ([b]<(9)))\nGO\n\
             {missing} N'off')\nBEGIN\nBEGIN TRANSACTION;\nALTER TABLE [dbo].[t] WITH NOCHECK ADD CONSTRAINT [off] CHECK ([b]<>(5));\n\
             ALTER TABLE [dbo].[t] NOCHECK CONSTRAINT [off];\nCOMMIT TRANSACTION;\nEND\nGO\n\
             IF NOT EXISTS (SELECT 1 FROM sys.columns WHERE object_id = OBJECT_ID(N'[dbo].[t]') AND name = N'b' AND \
             default_object_id <> 0)\nALTER TABLE [dbo].[t] ADD CONSTRAINT [df] DEFAULT (getdate()) FOR [b]\nGO\n"
        )
    );
    assert_eq!(
        made.left_out,
        [
            "check secret of dbo.t is left out: column secret is not published",
            "check function of dbo.t is left out: it uses dbo, which is not published",
            "default seq of dbo.t is left out: it uses dbo, which is not published",
        ]
    );
}

fn reference(to: &str, columns: &[(&str, &str)]) -> Reference {
    let columns = columns.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let key = ForeignKey { name: "fk".to_owned(), from: name("dbo", "lines"), to: name("dbo", to), columns };
    Reference { key, disabled: false, untrusted: false, not_for_replication: false, cascades: false }
}

#[test]
fn only_foreign_keys_that_the_subscriber_can_keep_are_made() {
    let mut orders = published("orders", &["id", "number"], &["id", "number"]);
    orders.article.destination = name("we]ird", "orders");
    orders.design.indexes.push(index("uq", Purpose::UniqueKey, &[("number", false)]));
    let mut lines = published("lines", &["line", "order_id"], &["line", "order_id"]);
    lines.design.foreign_keys = vec![reference("orders", &[("order_id", "id")])];
    let made = |lines: &Published, orders: &Published| {
        let scripts = scripts(lines, &[lines.clone(), orders.clone()], &[]);
        (scripts.last, scripts.left_out.join("\n"))
    };
    let (script, left_out) = made(&lines, &orders);
    assert!(script.contains("ADD CONSTRAINT [fk] FOREIGN KEY ([order_id]) REFERENCES [we]]ird].[orders] ([id])"));
    assert_eq!(left_out, "");

    let mut filtered = orders.clone();
    filtered.article.filter = Some("id > 1".to_owned());
    let narrow = published("lines", &["line", "order_id"], &["line"]);
    let narrow = Published { design: lines.design.clone(), ..narrow };
    let mut unique = lines.clone();
    unique.design.foreign_keys = vec![reference("orders", &[("order_id", "number")])];
    assert!(made(&unique, &orders).0.contains("([number])"));
    let mut keyless = orders.clone();
    keyless.article.options.schema.unique_keys = false;
    for (lines, orders, why) in [
        (&lines, &filtered, "only some rows"),
        (&narrow, &orders, "column order_id is not published"),
        (&lines, &lines, "table dbo.orders is not published"),
        (&unique, &keyless, "is not made at the subscriber"),
    ] {
        let (script, left_out) = made(lines, orders);
        assert_eq!(script, "");
        assert!(left_out.contains(why), "{left_out}");
    }

    lines.design.foreign_keys[0].cascades = true;
    lines.design.foreign_keys[0].not_for_replication = true;
    let (script, left_out) = made(&lines, &orders);
    assert!(script.contains("([id]) NOT FOR REPLICATION\n") && !script.contains("CASCADE"), "{script}");
    assert!(left_out.contains("refuses at the subscriber instead of cascading"), "{left_out}");
}

#[test]
fn triggers_are_made_for_the_destination_and_know_replication() {
    let mut t = published("t", &["a", "b", "secret"], &["a", "b"]);
    t.article.destination = name("dbo", "t2");
    let trigger = |name: &str, definition: &str| Trigger {
        name: name.to_owned(),
        definition: Some(definition.to_owned()),
        disabled: false,
        not_for_replication: false,
    };
    t.design.triggers = vec![
        trigger(
            "plain",
            "-- TRIGGER of dbo.t\nCREATE OR ALTER TRIGGER [dbo].plain ON dbo.[t]\n WITH EXECUTE AS OWNER AFTER INSERT AS\nINSERT log VALUES ('it''s')",
        ),
        Trigger {
            not_for_replication: true,
            disabled: true,
            ..trigger("nfr", "create trigger nfr on t for update not for replication as begin set nocount on end")
        },
        trigger("uses_column", "CREATE TRIGGER x ON t FOR INSERT AS INSERT log SELECT i.secret FROM inserted AS i"),
        trigger("uses_table", "CREATE TRIGGER x ON t FOR INSERT AS INSERT dbo.Audit SELECT a FROM inserted -- log"),
        trigger("cut", "CREATE TRIGGER x ON t FOR INSERT AS PRINT '\n go \n'"),
        Trigger { definition: None, ..trigger("encrypted", "") },
    ];
    let log = published("log", &["x"], &["x"]);
    let objects = [name("dbo", "t"), name("dbo", "log"), name("dbo", "audit")];
    let made = scripts(&t, &[t.clone(), log], &objects);
    let missing =
        "IF NOT EXISTS (SELECT 1 FROM sys.objects WHERE parent_object_id = OBJECT_ID(N'[dbo].[t2]') AND name =";
    assert_eq!(
        made.last,
        format!(
            "{missing} N'plain')\nEXEC (N'CREATE TRIGGER [dbo].[plain] ON [dbo].[t2]\nWITH EXECUTE AS OWNER AFTER INSERT AS\n\
             INSERT log VALUES (''it''''s'')')\nGO\n\
             {missing} N'nfr')\nBEGIN\nBEGIN TRANSACTION;\nEXEC (N'CREATE TRIGGER [dbo].[nfr] ON [dbo].[t2]\nfor update not for replication as\n\
             IF SESSION_CONTEXT(N''replication'') IS NOT NULL RETURN; begin set nocount on end');\n\
             ALTER TABLE [dbo].[t2] DISABLE TRIGGER [nfr];\nCOMMIT TRANSACTION;\nEND\nGO\n"
        )
    );
    let reasons = ["it mentions secret", "it mentions Audit", "a line GO", "encrypted"];
    assert_eq!(made.left_out.len(), reasons.len(), "{:?}", made.left_out);
    for (said, why) in made.left_out.iter().zip(reasons) {
        assert!(said.contains(why), "{said}");
    }
    t.article.options.schema.triggers = false;
    assert_eq!(scripts(&t, std::slice::from_ref(&t), &[]).last, "");
}
