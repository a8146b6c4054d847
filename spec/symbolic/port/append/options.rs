use super::words::OptionsWords;

impl Options {
    pub(super) const fn of_words(words: &OptionsWords) -> Self {
        Self {
            high_water_mark: words.high_water_mark,
            low_water_mark: words.low_water_mark,
            limit: words.limit,
            object_mode: words.object_mode != 0,
            auto_destroy: words.auto_destroy != 0,
            refusals_fail: words.refusals_fail != 0,
            emit_close: words.emit_close != 0,
            batches: words.batches != 0,
            construct: words.construct != 0,
            finalize: words.finalize != 0,
        }
    }

    pub(super) const fn words(&self) -> OptionsWords {
        let Self {
            high_water_mark,
            low_water_mark,
            limit,
            object_mode,
            auto_destroy,
            refusals_fail,
            emit_close,
            batches,
            construct,
            finalize,
        } = *self;
        OptionsWords {
            high_water_mark,
            low_water_mark,
            limit,
            object_mode: object_mode as u64,
            auto_destroy: auto_destroy as u64,
            refusals_fail: refusals_fail as u64,
            emit_close: emit_close as u64,
            batches: batches as u64,
            construct: construct as u64,
            finalize: finalize as u64,
        }
    }
}
