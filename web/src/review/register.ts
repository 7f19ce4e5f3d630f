/** Panels, keys and layers of the review. */
export function registerReview(): void {}
