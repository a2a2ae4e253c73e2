// Addresses of this device's pages, also where a reverse proxy serves them below a path of its own.

const ROOT = new URL("../../", import.meta.url).pathname;

/** The address of `path`, which begins with "/" and counts from the device's first page. */
export const urlFor = (path) => ROOT + path.slice(1);

/** Where this page is, counted in the same way. */
export const currentPath = () => `/${location.pathname.startsWith(ROOT) ? location.pathname.slice(ROOT.length) : ""}`;
