/** Something the tour was to show has not happened: the reason it ends with. */
export class TourError extends Error {
  override readonly name = 'TourError';
}
