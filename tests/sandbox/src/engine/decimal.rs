//! Exact decimal arithmetic on unscaled 128-bit integers, with SQL Server's rounding (half away from zero).

/// Largest unscaled value of 38 digits.
pub const MAX_UNSCALED: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// Ten to a power up to 38.
pub fn pow10(exponent: u32) -> i128 {
    10_i128.pow(exponent.min(38))
}

/// The value at another scale, rounded half away from zero; `None` when it leaves 38 digits.
pub fn rescale(unscaled: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        let result = unscaled.checked_mul(pow10(u32::from(to - from)))?;
        (result.abs() <= MAX_UNSCALED).then_some(result)
    } else {
        Some(divide_rounding(unscaled, pow10(u32::from(from - to))))
    }
}

/// Quotient rounded half away from zero.
pub fn divide_rounding(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    let remainder = value % by;
    if remainder.unsigned_abs() >= by.unsigned_abs() - remainder.unsigned_abs() {
        quotient + if (value < 0) == (by < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// Cuts digits off.
pub fn truncate(unscaled: i128, from: u8, to: u8) -> i128 {
    if to >= from {
        unscaled.saturating_mul(pow10(u32::from(to - from)))
    } else {
        unscaled / pow10(u32::from(from - to))
    }
}

/// `precision` digits hold the value.
pub fn fits(unscaled: i128, precision: u8) -> bool {
    unscaled.unsigned_abs() < 10_u128.pow(u32::from(precision.min(38)))
}

/// Writes the value with its point.
pub fn format(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    let scale = usize::from(scale);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (integral, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{integral}.{fraction}")
}

/// Why text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    /// Not a number.
    Syntax,
    /// More than 38 digits.
    Overflow,
}

/// Reads `[+-]digits[.digits]`, giving the unscaled value at the text's own scale.
pub fn parse(text: &str) -> Result<(i128, u8), ParseError> {
    let text = text.trim_matches(' ');
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (integral, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if integral.is_empty() && fraction.is_empty() {
        return Err(ParseError::Syntax);
    }
    if !integral.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(ParseError::Syntax);
    }
    let integral = integral.trim_start_matches('0');
    if integral.len() > 38 {
        return Err(ParseError::Overflow);
    }
    // Digits past the 38th cannot be held; the first of them rounds.
    let room = 38 - integral.len();
    let kept = &fraction[..fraction.len().min(room)];
    let mut value: i128 = 0;
    for byte in integral.bytes().chain(kept.bytes()) {
        value = value * 10 + i128::from(byte - b'0');
    }
    if fraction.as_bytes().get(kept.len()).is_some_and(|b| *b >= b'5') {
        value += 1;
    }
    if value > MAX_UNSCALED {
        return Err(ParseError::Overflow);
    }
    Ok((if negative { -value } else { value }, kept.len() as u8))
}

/// A 256-bit magnitude as two halves.
#[derive(Clone, Copy)]
struct Wide {
    high: u128,
    low: u128,
}

fn multiply_wide(a: u128, b: u128) -> Wide {
    const HALF: u32 = 64;
    let mask = u128::from(u64::MAX);
    let (a1, a0) = (a >> HALF, a & mask);
    let (b1, b0) = (b >> HALF, b & mask);
    let low = a0 * b0;
    let middle1 = a1 * b0;
    let middle2 = a0 * b1;
    let carry = (low >> HALF) + (middle1 & mask) + (middle2 & mask);
    Wide {
        high: a1 * b1 + (middle1 >> HALF) + (middle2 >> HALF) + (carry >> HALF),
        low: (low & mask) | (carry << HALF),
    }
}

/// Quotient and remainder by long division, bit by bit; `None` when the quotient leaves 128 bits.
fn divide_wide(value: Wide, by: u128) -> Option<(u128, u128)> {
    if value.high == 0 {
        return Some((value.low / by, value.low % by));
    }
    if value.high >= by {
        return None;
    }
    let mut remainder = value.high;
    let mut quotient: u128 = 0;
    for bit in (0..128).rev() {
        let overflow = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((value.low >> bit) & 1);
        quotient <<= 1;
        if overflow || remainder >= by {
            remainder = remainder.wrapping_sub(by);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

fn signed(magnitude: u128, negative: bool) -> Option<i128> {
    if magnitude > MAX_UNSCALED as u128 {
        return None;
    }
    Some(if negative { -(magnitude as i128) } else { magnitude as i128 })
}

/// Product of two decimals at `scale`, rounded; `None` on overflow of 38 digits.
pub fn multiply(a: (i128, u8), b: (i128, u8), scale: u8) -> Option<i128> {
    let product = multiply_wide(a.0.unsigned_abs(), b.0.unsigned_abs());
    let negative = (a.0 < 0) != (b.0 < 0);
    let own_scale = a.1 + b.1;
    if scale >= own_scale {
        if product.high != 0 {
            return None;
        }
        return signed(product.low.checked_mul(pow10(u32::from(scale - own_scale)) as u128)?, negative);
    }
    let mut excess = u32::from(own_scale - scale);
    let mut product = product;
    // Two steps when the excess is beyond 38 digits; the first one only truncates, which cannot disturb the last rounding.
    if excess > 38 {
        let by = pow10(excess - 38) as u128;
        let high = product.high / by;
        let rest = product.high % by;
        let (low, _) = divide_wide(Wide { high: rest, low: product.low }, by)?;
        product = Wide { high, low };
        excess = 38;
    }
    let by = pow10(excess) as u128;
    let (quotient, remainder) = divide_wide(product, by)?;
    signed(quotient + u128::from(remainder >= by - remainder), negative)
}

/// Quotient of two decimals at `scale`, truncated as SQL Server does; `None` on overflow. The divisor is not 0.
pub fn divide(a: (i128, u8), b: (i128, u8), scale: u8) -> Option<i128> {
    // a / 10^sa ÷ (b / 10^sb) × 10^scale = a × 10^(scale + sb − sa) ÷ b
    let exponent = i32::from(scale) + i32::from(b.1) - i32::from(a.1);
    let negative = (a.0 < 0) != (b.0 < 0);
    let divisor = b.0.unsigned_abs();
    let dividend = a.0.unsigned_abs();
    if exponent < 0 {
        let (quotient, _) = divide_wide(Wide { high: 0, low: dividend }, divisor)?;
        return signed(quotient / pow10(exponent.unsigned_abs()) as u128, negative);
    }
    let exponent = exponent as u32;
    if exponent <= 38 {
        let (quotient, _) = divide_wide(multiply_wide(dividend, pow10(exponent) as u128), divisor)?;
        return signed(quotient, negative);
    }
    let (first, rest) = divide_wide(multiply_wide(dividend, pow10(38) as u128), divisor)?;
    let step = pow10(exponent - 38) as u128;
    let (second, _) = divide_wide(multiply_wide(rest, step), divisor)?;
    signed(first.checked_mul(step)?.checked_add(second)?, negative)
}

/// A double as a decimal at `scale`, from its exact binary value; `None` when it leaves 38 digits.
pub fn from_f64(value: f64, scale: u8) -> Option<i128> {
    if !value.is_finite() || value.abs() >= 1e38 {
        return None;
    }
    let exact = format!("{value:.80}");
    let (digits, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let cut = usize::from(scale);
    let kept: i128 = format!("{digits}{}", &fraction[..cut]).parse().ok()?;
    let up = fraction.as_bytes()[cut] >= b'5';
    let rounded = if up { kept + if value < 0.0 { -1 } else { 1 } } else { kept };
    (rounded.abs() <= MAX_UNSCALED).then_some(rounded)
}

/// A decimal as the nearest double.
pub fn to_f64(unscaled: i128, scale: u8) -> f64 {
    format(unscaled, scale).parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["0", "-1.50", "0.05", "99999999999999999999999999999999999999", "-0.001"] {
            let (value, scale) = parse(text).unwrap();
            assert_eq!(format(value, scale), text);
        }
        assert_eq!(parse("1e5"), Err(ParseError::Syntax));
        assert_eq!(parse("."), Err(ParseError::Syntax));
        assert_eq!(parse("100000000000000000000000000000000000000"), Err(ParseError::Overflow));
    }

    #[test]
    fn arithmetic_is_exact_beyond_128_bits() {
        let big = 12_345_678_901_234_567_890_123_456_789_i128;
        assert_eq!(multiply((big, 20), (big, 20), 6), Some(15241578753238836750495));
        assert_eq!(multiply((15, 1), (15, 1), 1), Some(23));
        assert_eq!(divide((1, 0), (3, 0), 6), Some(333_333));
        assert_eq!(divide((-2, 0), (3, 0), 6), Some(-666_666));
        assert_eq!(divide((10, 1), (3, 0), 38), Some(33_333_333_333_333_333_333_333_333_333_333_333_333));
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        assert_eq!(rescale(25, 1, 0), Some(3));
        assert_eq!(rescale(-25, 1, 0), Some(-3));
        assert_eq!(rescale(24, 1, 0), Some(2));
        assert_eq!(from_f64(2.5, 0), Some(3));
        assert_eq!(from_f64(-0.125, 2), Some(-13));
    }
}
