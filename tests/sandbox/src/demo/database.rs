//! The demo's sports retail database: its tables and its first rows.

use crate::client::{Connection, SqlError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fmt::Write as _;

/// Name of the database on both servers.
pub const DATABASE: &str = "SportsRetail";

/// A table of the demo: how it is published, and how the two sides are compared.
pub struct DemoTable {
    /// Two-part name.
    pub name: &'static str,
    /// Published columns; empty for all.
    pub columns: &'static str,
    /// Row filter; empty for none.
    pub filter: &'static str,
    /// Key columns, to compare in order.
    pub key: &'static str,
}

impl DemoTable {
    const fn whole(name: &'static str, key: &'static str) -> Self {
        Self { name, columns: "", filter: "", key }
    }
}

/// The tables, parents first. Customers are published without their password hashes and stock movements without the nightly
/// counts, to show a column filter and a row filter.
pub const TABLES: &[DemoTable] = &[
    DemoTable::whole("catalog.categories", "category_id"),
    DemoTable::whole("catalog.products", "product_id"),
    DemoTable::whole("retail.stores", "store_id"),
    DemoTable {
        name: "retail.customers",
        columns: "customer_id,public_id,email,full_name,city,loyalty_points,registered_on",
        filter: "",
        key: "customer_id",
    },
    DemoTable::whole("retail.stock", "store_id, product_id"),
    DemoTable { name: "retail.stock_movements", columns: "", filter: "reason <> 'count'", key: "movement_id" },
    DemoTable::whole("sales.orders", "order_id"),
    DemoTable::whole("sales.order_lines", "order_id, line_no"),
    DemoTable::whole("sales.price_changes", "price_change_id"),
];

const SCHEMAS: &[&str] = &["CREATE SCHEMA catalog", "CREATE SCHEMA retail", "CREATE SCHEMA sales"];

const DDL: &str = "
CREATE TABLE catalog.categories (
    category_id int NOT NULL PRIMARY KEY,
    name nvarchar(60) NOT NULL UNIQUE,
    parent_id int NULL REFERENCES catalog.categories (category_id));
CREATE TABLE catalog.products (
    product_id int NOT NULL PRIMARY KEY,
    category_id int NOT NULL REFERENCES catalog.categories (category_id),
    sku varchar(20) NOT NULL UNIQUE,
    name nvarchar(120) NOT NULL,
    description nvarchar(max) NULL,
    price decimal(19,4) NOT NULL CHECK (price > 0),
    weight_kg float NULL,
    on_sale bit NOT NULL DEFAULT 0,
    thumbnail varbinary(200) NULL,
    changed_at datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME());
CREATE TABLE retail.stores (
    store_id smallint NOT NULL PRIMARY KEY,
    name nvarchar(60) NOT NULL,
    opens time(0) NOT NULL,
    opened_on date NOT NULL);
CREATE TABLE retail.customers (
    customer_id int NOT NULL PRIMARY KEY,
    public_id uniqueidentifier NOT NULL,
    email varchar(120) NOT NULL,
    full_name nvarchar(80) NOT NULL,
    city nvarchar(60) NULL,
    loyalty_points bigint NOT NULL DEFAULT 0,
    registered_on smalldatetime NOT NULL,
    password_hash binary(32) NULL);
CREATE TABLE retail.stock (
    store_id smallint NOT NULL REFERENCES retail.stores (store_id),
    product_id int NOT NULL REFERENCES catalog.products (product_id),
    quantity int NOT NULL,
    PRIMARY KEY (store_id, product_id));
CREATE TABLE retail.stock_movements (
    movement_id bigint IDENTITY(1,1) NOT NULL PRIMARY KEY,
    store_id smallint NOT NULL,
    product_id int NOT NULL,
    delta int NOT NULL,
    reason varchar(12) NOT NULL,
    moved_at datetimeoffset(3) NOT NULL DEFAULT SYSDATETIMEOFFSET());
CREATE TABLE sales.orders (
    order_id int IDENTITY(1,1) NOT NULL PRIMARY KEY,
    customer_id int NOT NULL REFERENCES retail.customers (customer_id),
    store_id smallint NOT NULL REFERENCES retail.stores (store_id),
    status varchar(12) NOT NULL,
    total decimal(19,4) NOT NULL,
    ordered_at datetime NOT NULL DEFAULT GETDATE());
CREATE TABLE sales.order_lines (
    order_id int NOT NULL REFERENCES sales.orders (order_id),
    line_no tinyint NOT NULL,
    product_id int NOT NULL REFERENCES catalog.products (product_id),
    quantity int NOT NULL CHECK (quantity > 0),
    unit_price decimal(19,4) NOT NULL,
    PRIMARY KEY (order_id, line_no));
CREATE TABLE sales.price_changes (
    price_change_id int IDENTITY(1,1) NOT NULL PRIMARY KEY,
    product_id int NOT NULL,
    old_price money NOT NULL,
    new_price money NOT NULL,
    changed_at datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME());
CREATE INDEX ix_orders_customer ON sales.orders (customer_id);
";

/// How many rows of each kind the database starts with.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Categories.
    pub categories: i32,
    /// Products.
    pub products: i32,
    /// Stores.
    pub stores: i16,
    /// Customers.
    pub customers: i32,
}

/// Some thousand rows in all.
pub const SIZE: Size = Size { categories: 24, products: 400, stores: 6, customers: 2_000 };

const SPORTS: &[&str] = &["Climbing", "Running", "Cycling", "Swimming", "Tennis", "Skiing", "Hiking", "Football"];
const THINGS: &[&str] = &["shoes", "jacket", "rope", "helmet", "racket", "goggles", "bottle", "gloves", "tent", "ball"];
const CITIES: &[&str] = &["Grenoble", "Århus", "Łódź", "Porto", "Zürich", "Málaga", "Ústí", "Oulu"];

/// Creates the database at the publisher and fills it.
pub async fn create(
    master: &mut Connection,
    connect: impl AsyncFnOnce(&str) -> Result<Connection, SqlError>,
) -> Result<Connection, SqlError> {
    master.run(&format!("CREATE DATABASE {DATABASE}")).await?;
    master.run(&format!("ALTER DATABASE {DATABASE} SET ALLOW_SNAPSHOT_ISOLATION ON")).await?;
    let mut db = connect(DATABASE).await?;
    for schema in SCHEMAS {
        db.run(schema).await?;
    }
    db.run(DDL).await?;
    fill(&mut db).await?;
    Ok(db)
}

async fn fill(db: &mut Connection) -> Result<(), SqlError> {
    let mut rng = StdRng::seed_from_u64(2024);
    let rows = (1..=SIZE.categories).map(|id| {
        let sport = SPORTS[(id as usize - 1) % SPORTS.len()];
        let parent = if id as usize <= SPORTS.len() {
            "NULL".to_owned()
        } else {
            ((id - 1) % SPORTS.len() as i32 + 1).to_string()
        };
        format!("({id}, N'{sport} {id}', {parent})")
    });
    insert(db, "catalog.categories (category_id, name, parent_id)", rows).await?;

    let rows = (1..=SIZE.products).map(|id| {
        let thing = THINGS[rng.random_range(0..THINGS.len())];
        let sport = SPORTS[rng.random_range(0..SPORTS.len())];
        let cents = rng.random_range(199..49_999);
        let description = "Made to last. ".repeat(rng.random_range(0..40));
        let thumbnail: String = (0..rng.random_range(1..64)).map(|_| format!("{:02x}", rng.random::<u8>())).collect();
        format!(
            "({id}, {}, 'SKU-{id:06}', N'{sport} {thing} №{id}', N'{description}', {}.{:02}, {:e}, 0, 0x{thumbnail})",
            rng.random_range(1..=SIZE.categories),
            cents / 100,
            cents % 100,
            rng.random_range(0.05..12.0),
        )
    });
    insert(
        db,
        "catalog.products (product_id, category_id, sku, name, description, price, weight_kg, on_sale, thumbnail)",
        rows,
    )
    .await?;

    let rows = (1..=SIZE.stores).map(|id| {
        let city = CITIES[id as usize % CITIES.len()];
        format!("({id}, N'Store {city}', '{:02}:30:00', '20{:02}-0{}-15')", 7 + id % 4, 5 + id, 1 + id % 9)
    });
    insert(db, "retail.stores (store_id, name, opens, opened_on)", rows).await?;

    let rows = (1..=SIZE.customers).map(|id| {
        let city = CITIES[rng.random_range(0..CITIES.len())];
        let hash: String = (0..32).map(|_| format!("{:02x}", rng.random::<u8>())).collect();
        format!(
            "({id}, '{}', 'customer{id}@example.com', N'Customer №{id}', N'{city}', {}, '2023-{:02}-{:02} 10:{:02}', 0x{hash})",
            uuid::Uuid::from_u128(rng.random()),
            rng.random_range(0..10_000),
            rng.random_range(1..=12),
            rng.random_range(1..=28),
            rng.random_range(0..60),
        )
    });
    insert(
        db,
        "retail.customers (customer_id, public_id, email, full_name, city, loyalty_points, registered_on, password_hash)",
        rows,
    )
    .await?;

    let rows = (1..=SIZE.stores)
        .flat_map(|store| (1..=SIZE.products).map(move |product| (store, product)))
        .map(|(store, product)| format!("({store}, {product}, {})", rng.random_range(500..5_000)));
    insert(db, "retail.stock (store_id, product_id, quantity)", rows).await
}

/// T-SQL takes at most 1,000 rows in one `VALUES`.
const ROWS_PER_INSERT: usize = 500;

async fn insert(db: &mut Connection, into: &str, rows: impl Iterator<Item = String>) -> Result<(), SqlError> {
    let rows: Vec<String> = rows.collect();
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let mut sql = format!("INSERT INTO {into} VALUES ");
        for (i, row) in rows.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(sql, "{comma}{row}").expect("writing to a string cannot fail");
        }
        db.run(&sql).await?;
    }
    Ok(())
}
