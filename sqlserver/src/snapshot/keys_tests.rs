#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

/// How a server with a collation that ignores case compares values; what is not text, as it is compared here.
fn at_the_server(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        _ => compare(a, b).unwrap(),
    }
}

fn fulfils(key: &[Value], set: &[Condition<'_>]) -> bool {
    set.iter().all(|condition| {
        let order = at_the_server(&key[condition.column], condition.bound);
        match condition.operator {
            "=" => order.is_eq(),
            "<" => order.is_lt(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            other => panic!("{other}"),
        }
    })
}

/// How a key lies to a bound, by the columns that this has.
fn lies(key: &[Value], bound: &[Value]) -> Ordering {
    let orders = key.iter().zip(bound).map(|(value, bound)| at_the_server(value, bound));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn value(number: u8, text: bool) -> Value {
    match text {
        true => Value::String(["a", "A", "b", "B", "c", "C"][usize::from(number)].into()),
        false => Value::I32(number.into()),
    }
}

proptest! {
    #[test]
    fn a_row_of_a_range_is_found_by_one_seek_and_no_other_row_is(
        texts: [bool; 3], lower in prop::collection::vec(0..6u8, 0..=3), upper in prop::collection::vec(0..6u8, 0..=3),
    ) {
        let values = |numbers: &[u8]| numbers.iter().zip(texts).map(|(n, text)| value(*n, text)).collect::<Vec<_>>();
        let range = KeyRange { lower: values(&lower), upper: values(&upper) };
        // Bounds ascend.
        prop_assume!(range.upper.is_empty() || lies(&range.lower, &range.upper) != Ordering::Greater);
        let seeks = seeks(&range);
        for key in (0..216u8).map(|n| values(&[n / 36, n / 6 % 6, n % 6])) {
            let within = lies(&key, &range.lower).is_ge() && (range.upper.is_empty() || lies(&key, &range.upper).is_lt());
            let found = seeks.iter().filter(|set| fulfils(&key, set)).count();
            prop_assert_eq!(found, usize::from(within), "{:?} of {:?}", key, seeks);
        }
    }
}

#[test]
fn a_range_within_one_value_is_one_seek() {
    let numbers = |values: &[i32]| values.iter().copied().map(Value::I32).collect::<Vec<_>>();
    let texts = |range: &KeyRange| -> Vec<String> {
        let of =
            |condition: &Condition<'_>| format!("{} {} {:?}", condition.column, condition.operator, condition.bound);
        seeks(range).iter().map(|set| set.iter().map(of).collect::<Vec<_>>().join(", ")).collect()
    };
    let within = KeyRange { lower: numbers(&[3, 10]), upper: numbers(&[3, 20]) };
    assert_eq!(texts(&within), ["0 = I32(3), 1 >= I32(10), 1 < I32(20)"]);
    let across = KeyRange { lower: numbers(&[3, 10]), upper: numbers(&[5, 20]) };
    assert_eq!(
        texts(&across),
        ["0 = I32(3), 0 < I32(5), 1 >= I32(10)", "0 > I32(3), 0 < I32(5)", "0 = I32(5), 0 > I32(3), 1 < I32(20)"]
    );
    assert_eq!(texts(&KeyRange::ALL), [""]);
    assert!(seeks(&KeyRange { lower: numbers(&[3]), upper: numbers(&[3]) }).is_empty());
}

#[test]
fn bounds_have_columns_that_reach_the_server_as_they_are() {
    let column = |column_type, collation: Option<&str>| Column {
        collation: collation.map(str::to_owned),
        ..Column::new("k", column_type)
    };
    let database = Some("Latin1_General_100_CI_AS");
    assert!(is_faithful(&column(ColumnType::VarChar(Some(9)), database), database));
    let other = Some("SQL_Latin1_General_CP1_CI_AS");
    assert!(is_faithful(&column(ColumnType::VarChar(Some(9)), other), database));
    for other in [Some("Cyrillic_General_CI_AS"), Some("Latin1_General_100_CI_AS_SC_UTF8"), None] {
        assert!(!is_faithful(&column(ColumnType::VarChar(Some(9)), other), database));
    }
    let cyrillic = Some("Cyrillic_General_CI_AS");
    assert!(is_faithful(&column(ColumnType::Char(9), cyrillic), cyrillic));
    assert!(is_faithful(&column(ColumnType::NVarChar(Some(9)), Some("Cyrillic_General_CI_AS")), database));
    assert!(!is_faithful(&column(ColumnType::HierarchyId, None), database));
    assert!(is_faithful(&column(ColumnType::Date, None), database));
}
