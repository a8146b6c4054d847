impl Level {
    pub(super) const fn of_words([total, in_flight]: [u64; 2]) -> Self {
        Self { total, in_flight }
    }

    pub(super) const fn words(self) -> [u64; 2] {
        let Self { total, in_flight } = self;
        [total, in_flight]
    }
}
