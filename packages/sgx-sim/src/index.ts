export { einit, type LaunchRequest, type Secs } from "./einit.ts";
export { createPlatform, type LaunchedEnclave, type LaunchOptions, openPlatform, type Platform } from "./platform.ts";
