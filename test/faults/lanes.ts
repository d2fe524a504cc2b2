/** Each item in its order, so many of them at a time: most of what a sweep does is waiting. */
export async function inLanes<Item>(
  lanes: number,
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
