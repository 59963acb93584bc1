// Runs Azurite's blob service until standard input ends, which it does however the test that started it ends.
process.stdin.on("end", () => process.exit(0)).resume();
require("azurite/dist/src/blob/main.js");
