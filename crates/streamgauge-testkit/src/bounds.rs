//! Which bounds a type meets, as a question that a table of types can ask: an assertion at compile time could say that a type
//! meets one, and not that it does not.

/// Which bounds a type meets, asked of the type itself: a method of the type's own bounds is found before that of the trait.
#[macro_export]
macro_rules! is {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code, reason = "of the two methods one answers")]
        fn asked() -> bool {
            struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
            trait No {
                fn answer(&self) -> bool {
                    false
                }
            }
            impl<T: ?Sized> No for Asked<T> {}
            impl<T: ?Sized + $bound> Asked<T> {
                fn answer(&self) -> bool {
                    true
                }
            }
            Asked::<$type>(std::marker::PhantomData).answer()
        }
        asked()
    }};
}
