import type { Mirror } from '../server/app.types.ts';
import { applicationMenu } from './app-menu.ts';
import { desktopCalls } from './desktop-calls.ts';
import type { DesktopOptions } from './desktop-options.ts';
import { answerDesktopCalls } from './ipc.ts';
import { linkPage, linkScheme, ownArguments, parseLaunch } from './launch.ts';
import type { Launch } from './launch.ts';
import { MirrorHost, describeFailure } from './mirror-host.ts';
import { askAfterFailure, askQuit, tellFailure } from './questions.ts';
import { openSecretBox, secretKeyFile } from './secrets.ts';
import { MirrorTray } from './tray.ts';
import { noFacts } from './tray-facts.ts';
import type { TrayFacts } from './tray-facts.ts';
import { quitWarning } from './tray-menu.ts';
import type { TrayCommand, TrayView } from './tray-menu.ts';
import { MirrorWindow } from './window.ts';

const factsEveryMs = 60_000;
/** Transfers may end in this time when the app quits; what does not is resumed at the next start. */
const stopGraceMs = 5000;
/** Quitting never takes longer, whatever hangs. */
const quitLimitMs = 15_000;
/** The same in the installer: Windows ties notifications and the task bar's button to it. */
const appUserModelId = 'dev.zhi.mirror';

/** The desktop app: one mirror, one window, one tray icon, and what happens between them. */
export class DesktopApp {
  readonly #options: DesktopOptions;
  readonly #launch: Launch;
  readonly #host: MirrorHost;
  readonly #tray: MirrorTray;
  readonly #window: MirrorWindow;
  #facts: TrayFacts = noFacts;
  /** The page to show as soon as the mirror runs. */
  #wanted: { readonly page: string | undefined } | undefined;
  #isAsking = false;
  #isQuitting = false;
  #isTellingFailure = false;
  #hasToldAboutTray = false;

  constructor(options: DesktopOptions) {
    const { electron, files, environment } = options;
    this.#options = options;
    this.#launch = parseLaunch(ownArguments(environment.argv, electron.app.isPackaged));
    this.#host = new MirrorHost(() => this.#createMirror());
    this.#tray = new MirrorTray({
      electron,
      iconDirectory: files.trayIcons,
      platform: environment.platform,
      desktop: environment.desktop,
      act: (command) => void this.#act(command),
    });
    this.#window = new MirrorWindow({
      electron,
      preloadFile: files.preload,
      iconFile: files.appIcon,
      adminUrl: () => this.#host.adminUrl,
      onCloseRequest: () => void this.#onCloseRequest(),
      onSessionEnd: () => void this.quitNow(),
    });
  }

  /** Runs the app, unless it runs already: then that one shows its window and this process ends. */
  async run(): Promise<void> {
    const { app } = this.#options.electron;
    if (!app.requestSingleInstanceLock()) {
      this.#options.log('Zhi Mirror runs already; its window is shown.');
      app.quit();
      return;
    }
    this.#listenToApp();
    await app.whenReady();
    this.#prepare();
    const isHidden = this.#isHiddenStart() && (await this.#options.hasTray());
    if (!isHidden) this.#wanted ??= { page: this.#launch.link === undefined ? undefined : linkPage(this.#launch.link) };
    this.#watch();
    await this.#start(isHidden);
  }

  /** Quits after asking if clients would miss the mirror. */
  async quit(): Promise<void> {
    if (!this.#isAsking && (await this.#mayQuit())) await this.quitNow();
  }

  /** Quits without a question: the system shuts down, or a person has answered it. */
  async quitNow(): Promise<void> {
    if (this.#isQuitting) return;
    this.#isQuitting = true;
    const { clock, electron } = this.#options;
    const cancel = clock.after(quitLimitMs, () => {
      electron.app.exit(1);
    });
    this.#window.destroy();
    await this.#host.stop(stopGraceMs);
    cancel();
    this.#tray.destroy();
    electron.app.quit();
  }

  /** Shows the window; starts the mirror, or tells why it does not run, when there is nothing to show yet. */
  async show(page?: string): Promise<void> {
    if (this.#isQuitting) return;
    switch (this.#host.state.kind) {
      case 'running':
        return this.#window.show(page);
      case 'failed':
        return this.#tellWhyNotRunning();
      case 'stopped':
      case 'starting':
      case 'stopping':
        this.#wanted = { page };
    }
  }

  async #mayQuit(): Promise<boolean> {
    const warning = quitWarning(this.#host.state);
    if (warning === undefined) return true;
    this.#isAsking = true;
    try {
      return await askQuit(this.#options.electron.dialog, warning);
    } finally {
      this.#isAsking = false;
    }
  }

  async #createMirror(): Promise<Mirror> {
    const { createMirror, electron, environment, log } = this.#options;
    const keyFile = secretKeyFile(electron.app.getPath('userData'));
    const secrets = await openSecretBox({ safeStorage: electron.safeStorage, platform: environment.platform, keyFile });
    if (secrets.kind === 'unavailable') {
      log(`Passwords of upstream accounts are protected by a key file and not by a keychain: ${secrets.reason}.`);
    }
    return createMirror(this.#launch.mirrorArguments, secrets.kind === 'keychain' ? secrets.box : undefined);
  }

  #listenToApp(): void {
    const { app, powerMonitor } = this.#options.electron;
    app.on('second-instance', (_event, argv) => {
      const { link } = parseLaunch(argv);
      void this.show(link === undefined ? undefined : linkPage(link));
    });
    app.on('open-url', (event, url) => {
      event.preventDefault();
      void this.show(linkPage(url));
    });
    app.on('activate', () => void this.show());
    app.on('window-all-closed', () => {
      // the mirror lives on without a window; quitting is decided elsewhere
    });
    app.on('before-quit', (event) => {
      if (this.#isQuitting) return;
      event.preventDefault();
      void this.quit();
    });
    void app.whenReady().then(() => powerMonitor.on('shutdown', () => void this.quitNow()));
  }

  #prepare(): void {
    const { electron, environment } = this.#options;
    electron.Menu.setApplicationMenu(applicationMenu(electron.Menu, environment.platform));
    if (environment.platform === 'win32') electron.app.setAppUserModelId(appUserModelId);
    // only an installed app may change which program the system opens links with
    if (electron.app.isPackaged) electron.app.setAsDefaultProtocolClient(linkScheme);
    const dataDirectory = (): string | undefined =>
      this.#host.state.kind === 'running' ? this.#host.state.status.dataDirectory : undefined;
    const calls = desktopCalls({ electron, platform: environment.platform, dataDirectory });
    answerDesktopCalls(electron.ipcMain, calls, () => this.#window.trustedPage());
  }

  #isHiddenStart(): boolean {
    const { electron, environment } = this.#options;
    if (this.#launch.isHidden) return true;
    return environment.platform === 'darwin' && electron.app.getLoginItemSettings().wasOpenedAtLogin;
  }

  #watch(): void {
    const { clock, electron } = this.#options;
    this.#tray.update(this.#view());
    electron.nativeTheme.on('updated', () => {
      this.#updateTray();
    });
    this.#host.onChange(() => {
      this.#updateTray();
    });
    clock.every(factsEveryMs, () => void this.#refreshFacts());
  }

  async #start(isQuiet: boolean): Promise<void> {
    await this.#host.start();
    if (this.#host.state.kind === 'failed') {
      if (isQuiet) this.#notifyFailure();
      else await this.#tellWhyNotRunning();
      return;
    }
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted !== undefined) await this.#window.show(wanted.page);
    await this.#refreshFacts();
  }

  async #act(command: TrayCommand): Promise<void> {
    const { clipboard } = this.#options.electron;
    switch (command.kind) {
      case 'open':
        return this.show(command.page);
      case 'copy-address':
        return this.#attempt('The address could not be copied.', async () => {
          await clipboard.writeText(command.address);
          this.#notify({ title: 'Address copied', body: command.address });
        });
      case 'set-serving':
        return this.#attempt('Serving could not be switched.', () => this.#host.setServing(command.isServing));
      case 'set-offline':
        return this.#attempt('Offline mode could not be switched.', () => this.#host.setOffline(command.isOffline));
      case 'start':
        this.#wanted = { page: undefined };
        return this.#start(false);
      case 'quit':
        return this.quit();
    }
  }

  async #attempt(sentence: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      await tellFailure(this.#options.electron.dialog, sentence, describeFailure(error));
    } finally {
      this.#tray.redraw(this.#view());
    }
  }

  async #onCloseRequest(): Promise<void> {
    const { hasTray, environment } = this.#options;
    if (environment.platform === 'darwin') {
      this.#window.hide();
      return;
    }
    // asked at each close: a desktop's extension may have come or gone since the start
    if (!(await hasTray())) return this.quit();
    this.#window.hide();
    if (this.#hasToldAboutTray) return;
    this.#hasToldAboutTray = true;
    this.#notify({
      title: 'Zhi Mirror keeps running',
      body: 'Clients are still served. Its icon is in the tray; Quit is in its menu.',
    });
  }

  async #tellWhyNotRunning(): Promise<void> {
    const { state } = this.#host;
    if (state.kind !== 'failed' || this.#isTellingFailure) return;
    this.#isTellingFailure = true;
    const { electron, hasTray } = this.#options;
    const decision = await askAfterFailure(electron.dialog, state.failure, await hasTray());
    this.#isTellingFailure = false;
    if (decision === 'quit') return this.quit();
    if (decision === 'retry') return this.#act({ kind: 'start' });
  }

  #notifyFailure(): void {
    const { state } = this.#host;
    if (state.kind === 'failed') this.#notify({ title: 'Zhi Mirror could not start', body: state.failure.message });
  }

  #notify(words: { readonly title: string; readonly body: string }): void {
    const { Notification } = this.#options.electron;
    if (!Notification.isSupported()) return;
    const notification = new Notification({ ...words, silent: true });
    notification.on('click', () => void this.show());
    notification.show();
  }

  async #refreshFacts(): Promise<void> {
    const { adminUrl } = this.#host;
    if (adminUrl === undefined) return;
    this.#facts = await this.#options.fetchFacts(adminUrl);
    this.#updateTray();
  }

  #updateTray(): void {
    this.#tray.update(this.#view());
  }

  #view(): TrayView {
    const { clock, formatTime } = this.#options;
    return { host: this.#host.state, facts: this.#facts, now: clock.now(), formatTime };
  }
}
