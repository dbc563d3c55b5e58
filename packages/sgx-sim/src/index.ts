export { createPlatform, type LaunchedEnclave, type LaunchOptions, openPlatform, type Platform } from "./platform.ts";
