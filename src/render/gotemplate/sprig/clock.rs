//! `time.Time`: an instant and the zone it is shown in.
//!
//! The time zone database is part of the binary. `Local` is UTC: what a node's clock is set to must not decide what a
//! chart renders.

use std::{cmp::Ordering, sync::LazyLock};

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{duration::SECOND, layout};

/// The database in the binary. The host's may be another one, so that nodes would differ.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// An instant.
#[derive(Clone, Debug)]
pub struct Time {
    /// Seconds since 1970, which may be before it.
    pub seconds: i64,
    /// Nanoseconds behind that second.
    pub nanos: u32,
    /// The zone it is shown in.
    pub zone: Zone,
}

/// `*time.Location`.
#[derive(Clone, Debug)]
pub enum Zone {
    /// `time.UTC`, and `time.Local`, which is the same here.
    Utc,
    /// What a text said of its own zone: `time.FixedZone`.
    Fixed {
        /// Its abbreviation, perhaps none.
        name: String,
        /// Seconds east of Greenwich.
        offset: i32,
    },
    /// A zone of the database.
    Named(TimeZone),
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// From 1.
    pub(crate) day_of_year: u32,
    /// From Sunday, which is 0.
    pub(crate) weekday: usize,
}

impl Zone {
    /// `time.LoadLocation`.
    pub fn load(name: &[u8]) -> Option<Self> {
        if matches!(name, b"" | b"UTC" | b"Local") {
            return Some(Self::Utc);
        }
        let name = std::str::from_utf8(name).ok()?;
        let zone = DATABASE.get(name).ok()?;
        // The database is asked without regard to case, a file system is not.
        (zone.iana_name() == Some(name)).then_some(Self::Named(zone))
    }

    /// `Location.String`.
    pub fn name(&self) -> String {
        match self {
            Self::Utc => "UTC".into(),
            Self::Fixed { name, .. } => name.clone(),
            Self::Named(zone) => zone.iana_name().unwrap_or_default().into(),
        }
    }

    /// The abbreviation and the seconds east of Greenwich at an instant.
    pub(crate) fn at(&self, seconds: i64) -> (String, i32) {
        match self {
            Self::Utc => ("UTC".into(), 0),
            Self::Fixed { name, offset } => (name.clone(), *offset),
            Self::Named(zone) => {
                let edge = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
                let info = zone.to_offset_info(Timestamp::from_second(seconds).unwrap_or(edge));
                (info.abbreviation().into(), info.offset().seconds())
            }
        }
    }
}

impl Time {
    /// Go's zero time: the first instant of the year 1.
    pub fn zero() -> Self {
        Self { seconds: -62_135_596_800, nanos: 0, zone: Zone::Utc }
    }

    /// `time.Unix(seconds, 0)`.
    pub fn unix(seconds: i64) -> Self {
        Self { seconds, nanos: 0, zone: Zone::Utc }
    }

    /// `In`.
    pub fn within(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// `Add`.
    pub fn add(&self, duration: i64) -> Self {
        let nanos = i64::from(self.nanos) + duration.rem_euclid(SECOND);
        let seconds =
            self.seconds.wrapping_add(duration.div_euclid(SECOND)).wrapping_add(nanos.div_euclid(SECOND));
        let nanos = u32::try_from(nanos.rem_euclid(SECOND)).unwrap_or(0);
        Self { seconds, nanos, zone: self.zone.clone() }
    }

    /// `Sub`: the largest duration where the difference does not fit.
    pub fn since(&self, earlier: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanos = seconds * i128::from(SECOND) + i128::from(self.nanos) - i128::from(earlier.nanos);
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// `Compare`.
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }

    /// `Format`.
    pub fn format(&self, layout: &[u8]) -> Vec<u8> {
        layout::format(self, layout)
    }

    /// `String`, without the reading of a monotonic clock.
    pub fn text(&self) -> Vec<u8> {
        self.format(b"2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// The second of the day and the day, as the zone shows them, with the zone's abbreviation and offset.
    pub(crate) fn shown(&self) -> (Date, i64, String, i32) {
        let (name, offset) = self.zone.at(self.seconds);
        let local = self.seconds.wrapping_add(i64::from(offset));
        (Date::of(local.div_euclid(86_400)), local.rem_euclid(86_400), name, offset)
    }
}

impl Date {
    /// The date of a day counted from 1970.
    pub(crate) fn of(days: i64) -> Self {
        // Years begin in March here, so that the leap day is the last one; 400 of them have 146,097 days.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let first = days_before_year(year);
        let small = |number: i64| u32::try_from(number).unwrap_or(0);
        Self {
            year,
            month: small(month),
            day: small(day),
            day_of_year: small(days - first + 1),
            weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0),
        }
    }
}

/// The day, counted from 1970, on which a year begins.
pub(crate) fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 719_162
}

/// Whether a year has a leap day.
pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a common year before a month, which counts from 1; all of them for 13.
pub(crate) fn days_before_month(month: u32) -> u32 {
    const DAYS: [u32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let at = month.saturating_sub(1) as usize;
    DAYS.get(at).copied().unwrap_or(365)
}
