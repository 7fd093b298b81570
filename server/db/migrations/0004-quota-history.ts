/** What upstreams said of the pull quota, one row a minute at most, for the plot. Times are milliseconds since the epoch. */
export const migration0004 = `
CREATE TABLE quota_history (
  minute INTEGER NOT NULL,
  upstream TEXT NOT NULL,
  remaining INTEGER NOT NULL,
  quota INTEGER NOT NULL,
  PRIMARY KEY (minute, upstream)
) STRICT, WITHOUT ROWID;
`;
